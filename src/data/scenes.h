/*
 * Scenes for detectors, made of small grey images: noise, clutter cut from images, and objects,
 * resized and pasted where they are not dark, each with its tight box.
 */
#ifndef ASSAY_DATA_SCENES_H
#define ASSAY_DATA_SCENES_H

#include <stddef.h>

#include "core/matrix.h"
#include "core/rng.h"
#include "data/array.h"

typedef struct assay_scene_options {
    size_t side;     /* of the canvas, in pixels, >= largest */
    size_t items;    /* 1 to so many objects, uniformly */
    size_t classes;  /* objects are of labels below; clutter is of any */
    size_t smallest; /* side of an object before it is trimmed, uniform between these two */
    size_t largest;
    size_t clutter;      /* strips cut from images */
    double noise;        /* pixels are uniform in [0, noise) before anything is pasted */
    double dark;         /* pixels of at most that value are not pasted; in [0, 1) */
    double most_overlap; /* intersection over union of two boxes is at most that */
} assay_scene_options;

#define ASSAY_SCENE_DEFAULTS                                                                       \
    {                                                                                              \
        .side = 64, .items = 3, .classes = 10, .smallest = 14, .largest = 28, .clutter = 6,        \
        .noise = 0.1, .dark = 0.1, .most_overlap = 0.1                                             \
    }

/* An object: its class from 1, and its box in pixels, from the first to behind the last. */
typedef struct assay_scene_object {
    size_t label;
    double box[4];
} assay_scene_object;

/*
 * Scene `number` of the stream's scenes, whatever others are made: canvas[side side] in [0, 1],
 * rows one after the other; object[items] and how many there are, which is at least 1. An object
 * that finds no place in 50 tries is left out. images [n, h, w] of bytes (255 is 1), labels [n].
 * ASSAY_EINVAL: an option out of its range, shapes, no image of these classes.
 */
int assay_scene(const assay_array *images, const assay_array *labels,
    const assay_scene_options *options, const assay_rng *rng, size_t number, double *canvas,
    assay_scene_object *object, size_t *objects);

#endif
