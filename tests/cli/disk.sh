# The disk fails a run: full, over a limit, read-only, the database moved away or replaced; and a clock
# that jumps. The message says what to do, the exit status is 1, what was committed can be read, and
# the run resumes to the rows of one that nothing disturbed.
. "$srcdir/tests/cli/tap.sh"

cat >wide.lua <<'END'
local assay = require "assay"
return assay.experiment { name = "wide", params = { a = { default = { 1, 2, 3, 4, 5, 6, 7, 8 } } },
  run = function(cell)
    local rng = cell:rng("x")
    for i = 1, 400 do cell:log { i = i, u = rng:uniform(), text = ("%d"):format(cell.params.a):rep(1000) } end
  end }
END
gives "undisturbed" 0 "$assay" run wide.lua --quiet --db reference.db
"$assay" table last --format csv --db reference.db >reference.csv
equal() { # equal DB: its last run has the rows of the undisturbed one
  "$assay" table last --format csv --db "$1" >rows.csv 2>err && cmp -s rows.csv reference.csv
  report $? "  its rows are those of an undisturbed run"
}
sound() {
  [ "$("$assay" sql --db "$1" --format csv "SELECT integrity_check FROM pragma_integrity_check" | tail -n 1)" = ok ]
  report $? "  the file is sound"
}

# A limit on the size of files, which every user can set; 512-byte blocks.
gives "a file that may not grow" 1 sh -c 'ulimit -f 3000; trap "" XFSZ; "$0" run wide.lua --quiet --db limited.db' "$assay"
err_has 'limited.db: disk I/O error: File too large; .*ulimit -f'
err_has "'assay resume 1' goes on with it"
gives "  can be read" 0 "$assay" show --db limited.db
out_has '^run +1  interrupted'
sound limited.db
gives "  and resumes" 0 "$assay" resume 1 --quiet --db limited.db
equal limited.db

# A quota, which the system's answer stands for: no log grows beyond 1.5 MB. (Sanitizers want to be
# loaded first.)
if command -v cc >/dev/null && ! grep -q '^ASSAY_CFLAGS.*-fsanitize' "$builddir/Makefile"; then
  cat >quota.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/types.h>
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    ssize_t (*next)(int, const void *, size_t, off64_t) =
        (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    if (at + (off64_t)size <= 1500000)
        return next(fd, data, size, at);
    errno = EDQUOT;
    return -1;
}
END
  cc -shared -fPIC -o quota.so quota.c -ldl
  gives "a quota" 1 env LD_PRELOAD="$work/quota.so" "$assay" run wide.lua --quiet --db quota.db
  err_has 'quota.db: disk I/O error: Disk quota exceeded; your quota is used up: make room'
  err_has "'assay resume 1' goes on with it"
  gives "  can be read" 0 "$assay" show --db quota.db
  out_has '^run +1  interrupted'
  sound quota.db
  gives "  and resumes" 0 "$assay" resume 1 --quiet --db quota.db
  equal quota.db
fi

# A small disk, which needs root.
if unshare -m true 2>/dev/null; then
  mkdir small
  cat >full.sh <<'END'
mount -t tmpfs -o size=1500k none small || exit 99
"$1" run wide.lua --quiet --db small/assay.db; echo "status $?"
"$1" show --db small/assay.db; echo "show $?"
"$1" sql --db small/assay.db "SELECT integrity_check FROM pragma_integrity_check"
"$1" run wide.lua --quiet --db small/assay.db; echo "again $?"
mount -o remount,size=64m small
"$1" resume 1 --quiet --db small/assay.db; echo "resumed $?"
"$1" table 1 --format csv --db small/assay.db >rows.csv
mount -o remount,ro small
"$1" ls --db small/assay.db; echo "listed $?"
"$1" run wide.lua --quiet --db small/assay.db; echo "read-only $?"
"$1" run wide.lua --quiet --db small/new.db; echo "new $?"
END
  gives "a full disk" 0 unshare -m sh full.sh "$assay"
  out_has '^status 1$'
  err_has 'small/assay.db: the disk is full; .*make room'
  out_has '^show 0$'
  out_has '^ok$'
  out_has '^again 1$'
  out_has '^resumed 0$'
  cmp -s rows.csv reference.csv
  report $? "  its rows are those of an undisturbed run"
  out_has '^listed 0$'
  out_has '^read-only 1$'
  err_has "small/assay.db can't be written: .*choose another file with --db"
  out_has '^new 1$'
  err_has "small/new.db can't be written"
fi

# Moved away, or replaced, in the midst of the run.
cat >slow.lua <<'END'
local assay = require "assay"
return assay.experiment { name = "slow", params = { a = { default = { 1, 2, 3, 4 } } },
  run = function(cell)
    for i = 1, 100 do cell:log { u = cell:rng("x"):uniform() } end
    if cell.params.a > 2 then while not io.open("go") do end end
  end }
END
start() { # start DB: until two cells are done
  rm -f go
  "$assay" run slow.lua -j 2 --quiet --db "$1" >out 2>err &
  run=$!
  until [ "$("$assay" sql --db "$1" --format csv "SELECT cells_done FROM run" 2>/dev/null | tail -n 1)" = 2 ]; do
    kill -0 $run 2>/dev/null || break
    sleep 0.02
  done
}
ends() { # ends NAME: with exit status 1
  wait $run
  [ $? = 1 ]
  report $? "$1"
}
start moved.db
mkdir away && mv moved.db* away/
ends "a database that is moved away stops the run"
err_has 'moved.db was deleted or moved'
err_has "once the file is back, 'assay resume 1'"
holds "  and is not made anew" test ! -e moved.db
mv away/moved.db* . && touch go
gives "  back in its place, the run resumes" 0 "$assay" resume 1 --quiet --db moved.db
gives "  with all rows" 0 "$assay" sql --db moved.db --format csv "SELECT rows FROM run"
out_has '^400'

start replaced.db
cp moved.db other.db && mv replaced.db first.db && mv replaced.db-wal first.db-wal
cp other.db replaced.db
ends "a database that is replaced stops the run"
err_has 'replaced.db was replaced by another file'
holds "  the other one is as it was" cmp -s other.db replaced.db
touch go
gives "  the first one, with its log, resumes" 0 "$assay" resume 1 --quiet --db first.db
gives "  with all rows" 0 "$assay" sql --db first.db --format csv "SELECT rows FROM run"
out_has '^400'

# A log without a process: what a crash leaves; the copy has every committed row.
start crashed.db
kill -9 $run
wait $run 2>/dev/null
holds "a crash leaves a log" test -s crashed.db-wal
mkdir copy && cp crashed.db crashed.db-wal copy/
gives "  a copy with it has the committed rows" 0 "$assay" sql --db copy/crashed.db --format csv \
  "SELECT count(*) FROM cell WHERE state = 'done'"
out_has '^2'
sound copy/crashed.db
touch go
gives "  and resumes" 0 "$assay" resume 1 --quiet --db copy/crashed.db

# Room comes back.
cp reference.db room.db
"$assay" run wide.lua --quiet --db room.db
before=$(wc -c <room.db)
gives "a run is removed" 0 "$assay" rm 2 --db room.db
gives "  and its room given back" 0 "$assay" gc --db room.db
out_has 'room.db: .* given back'
holds "  so that the file is smaller" test "$(wc -c <room.db)" -lt $((before * 2 / 3))
sound room.db
gives "  the other run is there" 0 "$assay" table 1 --format csv --db room.db
holds "  with its rows" cmp -s out reference.csv
start busy.db
"$assay" sql --write --db busy.db "CREATE TABLE filler AS SELECT randomblob(3000000)" >/dev/null
"$assay" sql --write --db busy.db "DROP TABLE filler" >/dev/null
gives "not while a run is at work" 0 "$assay" gc --db busy.db
out_has 'busy.db: a run is at work'
touch go
wait $run

# The clock was set back by two hours while the run went.
"$assay" sql --write --db crashed.db "UPDATE run SET claimed = claimed + 7200, created = created + 7200" >/dev/null
gives "a clock that was set back" 0 "$assay" ls --json --db crashed.db
holds "  takes no work away" "$assay" lua -e 'local r = assay.json.decode(io.open("out"):read "a")[1]
  assert(r.elapsed >= 0 and r.state == "interrupted", r.elapsed)'
gives "  and the run resumes" 0 "$assay" resume 1 --quiet --db crashed.db
gives "  with its time" 0 "$assay" sql --db crashed.db --format csv "SELECT elapsed >= 0 AND elapsed < 3600 FROM run"
out_has '^1'
finish
