dist_man_MANS += man/assay.1 man/assay-lua.3 man/assay-experiment.5
dist_man_MANS += man/assay-tui.1
dist_man_MANS += man/assay-config.5
