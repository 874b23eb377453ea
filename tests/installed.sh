# make installcheck: the program finds its experiments, a stock lua5.4 the module, a compiler every
# header and the library.
set -e
work=$(mktemp -d)
trap 'cd /; rm -rf "$work"' EXIT
cd "$work"
export XDG_DATA_HOME="$work"

"$bindir/assay" ls --experiments --names | grep -qx monkeys
"$bindir/assay" run monkeys --help | grep -q "^  quick"
LUA_CPATH="$luamoduledir/?.so" "$LUA_INTERPRETER" -e '
    assert(require("assay").stats.mean { 1, 2, 6 } == 3)'

flags=$(PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config --cflags --libs assay)
{
  (cd "$includedir" && find assay -name '*.h') | sed 's/.*/#include <&>/'
  cat <<'END'
int main(void)
{
    const double x[] = {1, 2, 6};
    return assay_mean(x, 3) != 3;
}
END
} >mean.c
$CC -std=c11 -Wall -Wextra -Wpedantic -Werror mean.c $flags -o mean
LD_LIBRARY_PATH="$libdir" ./mean
echo "what was installed works"
