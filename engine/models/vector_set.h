#ifndef CLV_ENGINE_MODELS_VECTOR_SET_H
#define CLV_ENGINE_MODELS_VECTOR_SET_H

#include <stdbool.h>

#include "comm/comm.h"

/** Distinct vectors of numbers, ascending, of which there may be only so many. */
typedef struct clv_vector_set clv_vector_set;

/** Not collective. */
clv_status clv_vector_set_new(size_t width, size_t most, clv_vector_set **out);
void       clv_vector_set_free(clv_vector_set **self);

/** Not collective. @param vector [width] @return false where it would be one too many: the set is void then
 */
bool clv_vector_set_add(clv_vector_set *self, const double *vector);

/** The vectors of all ranks; void where they are too many. Collective. */
clv_status clv_vector_set_unite(clv_vector_set *self, const clv_comm *comm);

/** How many; 0 where the set is void. Not collective. */
size_t clv_vector_set_n(const clv_vector_set *self);
/** Vector i, borrowed. Not collective. */
const double *clv_vector_set_at(const clv_vector_set *self, size_t i);
/** Where a vector that is in the set stands. Not collective. */
size_t clv_vector_set_find(const clv_vector_set *self, const double *vector);

/** Total order of vectors. Pure. */
int clv_vector_compare(const double *a, const double *b, size_t width);

#endif
