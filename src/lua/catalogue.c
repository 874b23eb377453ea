/*
 * assay.catalogue: the list of methods for Lua. slugs(); families(), a list of {name, title};
 * methods(), a list of {slug, family, summary, title, authors, year, arxiv, experiment, functions,
 * companion = {title, authors, year, arxiv} or nil}; method(SLUG), one of them.
 */
#include "methods/catalogue.h"

#include "lua/args.h"
#include "lua/module.h"

static void set_paper(lua_State *L, const assay_paper *paper)
{
    assay_set_text(L, "title", paper->title);
    assay_set_text(L, "authors", paper->authors);
    assay_set_text(L, "arxiv", paper->arxiv);
    lua_pushinteger(L, paper->year);
    lua_setfield(L, -2, "year");
}

static void push_method(lua_State *L, const assay_method *method)
{
    lua_createtable(L, 0, 10);
    assay_set_text(L, "slug", method->slug);
    assay_set_text(L, "family", method->family);
    assay_set_text(L, "summary", method->summary);
    assay_set_text(L, "experiment", method->experiment);
    set_paper(L, &method->paper);
    if (method->companion.title) {
        lua_createtable(L, 0, 4);
        set_paper(L, &method->companion);
        lua_setfield(L, -2, "companion");
    }
    lua_newtable(L);
    for (lua_Integer i = 0; method->functions[i]; i++) {
        lua_pushstring(L, method->functions[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "functions");
}

/* Refuses an unknown slug with what is near it. */
static int method(lua_State *L)
{
    const assay_method *found = NULL;
    assay_arg_status(L, assay_method_find(assay_arg_string(L, 1, "slug"), &found));
    push_method(L, found);
    return 1;
}

static int methods(lua_State *L)
{
    lua_createtable(L, (int)assay_method_count(), 0);
    for (size_t i = 0; i < assay_method_count(); i++) {
        push_method(L, assay_method_at(i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int slugs(lua_State *L)
{
    lua_createtable(L, (int)assay_method_count(), 0);
    for (size_t i = 0; i < assay_method_count(); i++) {
        lua_pushstring(L, assay_method_at(i)->slug);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int families(lua_State *L)
{
    lua_createtable(L, (int)assay_family_count(), 0);
    for (size_t i = 0; i < assay_family_count(); i++) {
        lua_createtable(L, 0, 2);
        assay_set_text(L, "name", assay_family_at(i)->name);
        assay_set_text(L, "title", assay_family_at(i)->title);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"slugs", slugs},
    {"families", families},
    {"methods", methods},
    {"method", method},
    {NULL, NULL},
};

int assay_lua_catalogue(lua_State *L)
{
    lua_newtable(L);
    assay_lua_register(L, functions);
    return 1;
}
