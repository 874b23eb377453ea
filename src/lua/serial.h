/*
 * Lua values as bytes and back: nil excepted, what a table of plain data can hold. Integers and
 * floats keep their type, floats and matrices every bit. For files of this machine: the byte order
 * is its own.
 */
#ifndef ASSAY_LUA_SERIAL_H
#define ASSAY_LUA_SERIAL_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Push the bytes of the value at `at` as a userdata, whose memory they are. Raises an error that
 * begins with `name` and names what in it can't be written: functions, threads, userdata but
 * matrices, nets and language models, tables with a metatable, keys that are none of string, number
 * or boolean, a table within itself. A table that stands at two places is written twice. */
const void *assay_serial_write(lua_State *L, int at, const char *name, size_t *size);

/* Push the value of such bytes, which need not be; false, with nothing pushed, when they are not.
 * No count in them is believed before there are as many bytes. */
bool assay_serial_read(lua_State *L, const void *data, size_t size);

#endif
