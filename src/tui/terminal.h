/*
 * The terminal as we found it: it is given back so after any end of the program - a return, exit(),
 * a signal, a crash - and around a stop (Ctrl-Z, which curses does by itself).
 */
#ifndef ASSAY_TUI_TERMINAL_H
#define ASSAY_TUI_TERMINAL_H

#include <stdbool.h>

void tui_terminal_remember(void); /* before curses changes it */
void tui_terminal_guard(void);    /* after: from now on, signals restore it */
void tui_terminal_release(void);  /* curses has restored it */
/* Have the terminal report the mouse while a button is held, which curses does not ask for. */
void tui_terminal_drags(bool report);
int tui_terminal_signal(void);    /* the signal that asks to leave, or 0 */

#endif
