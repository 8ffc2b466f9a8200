#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/config_schema.h"

static bool text_is_plain(const char *text) {
  static const char *const words[] = {"null", "Null", "NULL"};
  for (size_t i = 0; i < 3; i++)
    if (strcmp(text, words[i]) == 0) return false;
  if (text[0] == '\0' || strchr("-.", text[0]) != NULL) return false;
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./")] == '\0';
}

/** Next code point of valid UTF-8 (libyaml let no other through); `*at` moves on. */
static uint32_t code_point(const char **at) {
  const unsigned char *p    = (const unsigned char *)*at;
  const int            more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 0;
  uint32_t             code = more == 0 ? *p : *p & (0x3Fu >> more);
  for (int i = 1; i <= more && p[i] != '\0'; i++) code = code << 6 | (p[i] & 0x3Fu);
  for (int i = 0; i <= more && **at != '\0'; i++) ++*at;
  return code;
}

static void text_print(const char *text, FILE *to) {
  if (text_is_plain(text)) {
    fputs(text, to);
    return;
  }
  fputc('"', to);
  while (*text != '\0') {
    const char    *from = text;
    const uint32_t code = code_point(&text);
    if (code == '"' || code == '\\')
      fprintf(to, "\\%c", (int)code);
    else if (code < 0x20 || code == 0x7F)
      fprintf(to, "\\x%02x", code);
    else if ((code > 0x7F && code <= 0xA0) || (code >= 0x2000 && code < 0x2030) ||
             (code >= 0xFE00 && code <= 0xFFFF))
      fprintf(to, "\\u%04x", code); /* what YAML takes for a break, a mark or unprintable */
    else
      fwrite(from, 1, (size_t)(text - from), to);
  }
  fputc('"', to);
}

/** The shortest text that reads back as the same number. */
static void real_print(double value, FILE *to) {
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  fputs(text, to);
}

static void strings_print(const clv_strings *all, FILE *to) {
  fputc('[', to);
  for (size_t i = 0; i < all->n; i++) {
    if (i > 0) fputs(", ", to);
    text_print(all->item[i], to);
  }
  fputc(']', to);
}

static void reals_print(const clv_doubles *all, FILE *to) {
  fputc('[', to);
  for (size_t i = 0; i < all->n; i++) {
    if (i > 0) fputs(", ", to);
    real_print(all->item[i], to);
  }
  fputc(']', to);
}

static void pairs_print(const clv_pairs *all, FILE *to) {
  fputc('{', to);
  for (size_t i = 0; i < all->n; i++) {
    if (i > 0) fputs(", ", to);
    text_print(all->item[i].name, to);
    fputs(": ", to);
    text_print(all->item[i].text, to);
  }
  fputc('}', to);
}

static const char *choice_name(const clv_config_key *key, const void *at) {
  int value = 0;
  memcpy(&value, at, sizeof value);
  for (const clv_choice *c = key->choice; c->name != NULL; c++)
    if (c->value == value) return c->name;
  return "null";
}

void clv_config_value_print(const clv_config_key *key, const clv_config *self, FILE *to) {
  const void *at = (const char *)self + key->offset;
  switch (key->kind) {
    case CLV_KEY_TEXT:
    case CLV_KEY_NAME:
      if (*(char *const *)at == NULL)
        fputs("null", to);
      else
        text_print(*(char *const *)at, to);
      break;
    case CLV_KEY_TEXTS:
      strings_print(at, to);
      break;
    case CLV_KEY_INT:
      fprintf(to, "%d", *(const int *)at);
      break;
    case CLV_KEY_INT_OR_AUTO:
      if (*(const int *)at == 0)
        fputs("auto", to);
      else
        fprintf(to, "%d", *(const int *)at);
      break;
    case CLV_KEY_SEED:
      fprintf(to, "%" PRIu64, *(const uint64_t *)at);
      break;
    case CLV_KEY_REAL:
      real_print(*(const double *)at, to);
      break;
    case CLV_KEY_REALS:
      reals_print(at, to);
      break;
    case CLV_KEY_BOOL:
      fputs(*(const bool *)at ? "true" : "false", to);
      break;
    case CLV_KEY_CHOICE:
      fputs(choice_name(key, at), to);
      break;
    case CLV_KEY_SECONDS:
      real_print(*(const double *)at, to);
      fputc('s', to);
      break;
    case CLV_KEY_KEEP:
      if (self->predict.keep_customers.n == 0 && self->predict.keep_sample > 0)
        fprintf(to, "%" PRId64, self->predict.keep_sample);
      else
        strings_print(at, to);
      break;
    case CLV_KEY_PRIORS:
    case CLV_KEY_OPTIONS:
      pairs_print(at, to);
      break;
  }
}
