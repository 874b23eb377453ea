/*
 * The terminal interface: `assay` and `assay tui`.
 *
 * It never computes: it reads the store, asks the run room to start and cancel runs, and shows what
 * the plot room draws. What may take long (listing experiments, reading a figure's rows, starting a
 * run, exporting) is done aside by a thread with a store handle of its own, so a key is never late.
 *
 * Scripts. `assay tui --script FILE` needs no terminal: the screen is 80x24 until `:resize` says
 * otherwise. FILE is read line by line; each line is carried out, what it began aside is awaited,
 * and the screen is drawn anew before the next line. A line is
 *
 *     # words             a comment; empty lines are skipped too
 *     :command argument   a command of the prompt (the help view lists all of them)
 *     jj<Enter>/word      anything else: keys, each a character or a name in angle brackets
 *                         (<Enter> <Esc> <Tab> <S-Tab> <Space> <BS> <Del> <Up> <Down> <Left>
 *                         <Right> <PgUp> <PgDn> <Home> <End> <lt> <C-a>..<C-z> <F1>..<F12>);
 *                         spaces are skipped. <mouse WHAT COL,ROW> uses the mouse: click, double,
 *                         press, drag, release, up, down; columns and rows count from 1
 *
 * Commands that exist for scripts:
 *
 *     :save-screen FILE         write the screen as UTF-8 text, without trailing spaces
 *     :resize COLSxROWS         another size of the screen (scripts only)
 *     :wait STATE [SECONDS]     until the view's run (else the newest) is in STATE; fails when it
 *                               ends in another one, or after SECONDS (30)
 *     :wait-idle [MS]           until nothing is done aside (30000)
 *     :expect TEXT              fails unless the screen shows TEXT
 *     :set clock=SECONDS        the time that ages and estimates are told by (Unix seconds)
 *     :set database=LABEL       what the status bar calls the database
 *     :set state=FILE           what is remembered from now on; a script reads no configuration
 *                               (:source FILE does) and remembers nothing of the user's own
 *
 * A line that fails ends the script: "FILE:LINE: reason" on stderr and exit code 1.
 */
#ifndef ASSAY_TUI_TUI_H
#define ASSAY_TUI_TUI_H

#include <stdbool.h>

struct assay_tui_options {
    const char *database; /* path of the store; need not exist yet */
    const char *script;   /* a script to carry out instead of the keyboard, or NULL */
    const char *program;  /* what is asked to `run --detach`; NULL: this program */
    bool ascii;           /* no character above 127, whatever the locale */
};

/* Run until the user quits. Gives the exit code: 0, 1 when a script line failed, 2 when there is no
 * usable terminal; the reason stands on stderr. */
int assay_tui(const struct assay_tui_options *options);

#endif
