/* Any bytes are refused with a sentence, or print as a configuration that loads and prints the same. Lines
 * that begin with "--set " at the end of the input are overrides. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const clv_config *config) {
  char  *text = NULL;
  size_t n    = 0;
  FILE  *to   = open_memstream(&text, &n);
  if (to == NULL || clv_config_print(config, to, true) < 0 || fclose(to) != 0) abort();
  return text;
}

static void reload(const clv_config *config) {
  char                 *once  = print(config);
  const clv_config_text text  = {.file = "fuzz.yaml", .text = once, .length = strlen(once)};
  clv_config           *again = NULL;
  if (text.length > (size_t)1 << 20) { /* escapes may outgrow the bound */
    free(once);
    return;
  }
  clv_message_clear();
  if (clv_config_parse(&text, NULL, 0, &again) < 0) {
    fprintf(stderr, "printed configuration is refused: %s\n%s\n", clv_message(), once);
    abort();
  }
  char             *a = NULL, *b = NULL;
  const char *const all[] = {"name",        "data",    "customers", "model", "sampler",
                             "diagnostics", "predict", "output",    "stage"};
  if (clv_config_extract(config, all, 9, &a) < 0 || clv_config_extract(again, all, 9, &b) < 0 ||
      strcmp(a, b) != 0) {
    fprintf(stderr, "another configuration after printing:\n%s\n%s\n", a, b);
    abort();
  }
  free(a), free(b), free(once);
  clv_config_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *set    = NULL;
  clv_config *config = NULL;
  char       *copy   = malloc(size + 1);
  if (copy == NULL) return 0;
  memcpy(copy, data, size);
  copy[size]        = '\0';
  char *const  over = memmem(copy, size, "\n--set ", 7);
  const size_t n    = over == NULL ? size : (size_t)(over - copy);
  if (over != NULL) set = over + 7;
  clv_message_clear();
  const clv_config_text text = {.file = "fuzz.yaml", .text = copy, .length = n};
  const clv_status      st   = clv_config_parse(&text, &set, set != NULL, &config);
  if (st < 0 && clv_message()[0] == '\0') abort(); /* refused without a word */
  if (st >= 0) reload(config);
  clv_config_free(&config);
  free(copy);
  return 0;
}
