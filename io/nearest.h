#ifndef CLV_IO_NEAREST_H
#define CLV_IO_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/** The known name nearest to a mistyped one: begin, offer each, read `name` (NULL where none is near). Not
 * collective. */
typedef struct clv_nearest {
  const char *typed; /* borrowed */
  const char *name;  /* borrowed: nearest so far */
  size_t      distance;
} clv_nearest;

clv_nearest clv_nearest_begin(const char *typed);
void        clv_nearest_offer(clv_nearest *self, const char *known);

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other (optimal
 * string alignment); case does not count. Texts beyond 64 bytes are "far": SIZE_MAX. Not collective. */
size_t clv_edit_distance(const char *a, const char *b);

#endif
