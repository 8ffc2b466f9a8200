/* docs/configuration.md names every key with its default. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/config_schema.h"

int main(int argc, char **argv) {
  static char text[1 << 18];
  char        path[4096], cell[600];
  size_t      n       = 0;
  int         missing = 0;
  if (argc < 2) return 1;
  snprintf(path, sizeof path, "%s/configuration.md", argv[1]);
  FILE *file = fopen(path, "r");
  if (file == NULL) return perror(path), 1;
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  const clv_config_key *key = clv_config_schema(&n);
  for (size_t k = 0; k < n; k++) {
    snprintf(cell, sizeof cell, "| `%s` | `%s` |", key[k].path,
             key[k].fallback == NULL ? "null" : key[k].fallback);
    if (strstr(text, cell) != NULL) continue;
    printf("missing in %s: %s\n", path, cell);
    missing++;
  }
  return missing > 0;
}
