#include "io/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { LENGTH_MOST = 64 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool same(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

size_t clv_edit_distance(const char *a, const char *b) {
  const size_t n = strlen(a), m = strlen(b);
  size_t       row[LENGTH_MOST + 1][LENGTH_MOST + 1];
  if (n > LENGTH_MOST || m > LENGTH_MOST) return SIZE_MAX;
  for (size_t j = 0; j <= m; j++) row[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    row[i][0] = i;
    for (size_t j = 1; j <= m; j++) {
      const size_t change = row[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);
      row[i][j]           = least(change, least(row[i - 1][j], row[i][j - 1]) + 1);
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        row[i][j] = least(row[i][j], row[i - 2][j - 2] + 1);
    }
  }
  return row[n][m];
}

clv_nearest clv_nearest_begin(const char *typed) {
  return (clv_nearest){.typed = typed, .distance = strlen(typed) / 3 + 2}; /* farther is no typing mistake */
}

void clv_nearest_offer(clv_nearest *self, const char *known) {
  const size_t distance = clv_edit_distance(self->typed, known);
  if (distance >= self->distance) return;
  self->distance = distance;
  self->name     = known;
}
