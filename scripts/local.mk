dist_noinst_SCRIPTS += scripts/packages scripts/build scripts/quickstart scripts/check scripts/fuzz scripts/soak
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = scripts/assay
EXTRA_DIST += scripts/assay.bash
CLEANFILES += scripts/assay
scripts/assay: scripts/assay.bash
	$(AM_V_GEN)$(MKDIR_P) scripts && cp $(srcdir)/scripts/assay.bash $@
