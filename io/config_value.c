#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/config_schema.h"

enum { REALS_MOST = 64, NAME_LENGTH_MOST = 100 };

static void *member(const clv_config_key *key, const clv_config *self) {
  return (char *)(uintptr_t)self + key->offset;
}

/* ---- what a key accepts ---- */

static void choices_list(const clv_config_key *key, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%s", key->choice[1].name == NULL ? "" : "one of ");
  for (const clv_choice *c = key->choice; c->name != NULL && used < size; c++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", c == key->choice ? "" : ", ", c->name);
}

static void range_list(const clv_config_key *key, const char *what, char *text, size_t size) {
  if (key->is_open && key->high >= 1e5)
    snprintf(text, size, "%s above %.12g, at most %.12g", what, key->low, key->high);
  else if (key->is_open)
    snprintf(text, size, "%s between %.12g and %.12g", what, key->low, key->high);
  else
    snprintf(text, size, "%s from %.12g to %.12g", what, key->low, key->high);
}

clv_key_expected clv_config_key_expected(const clv_config_key *key) {
  clv_key_expected e = {""};
  const size_t     n = sizeof e.text;
  switch (key->kind) {
    case CLV_KEY_TEXT:
      snprintf(e.text, n, "a text");
      break;
    case CLV_KEY_NAME:
      if (key->choice != NULL)
        choices_list(key, e.text, n);
      else
        snprintf(e.text, n, "a name of letters, digits, '_', '-' and '.', at most %d", NAME_LENGTH_MOST);
      break;
    case CLV_KEY_CHOICE:
      choices_list(key, e.text, n);
      break;
    case CLV_KEY_TEXTS:
      snprintf(e.text, n, "a text or a list of texts");
      break;
    case CLV_KEY_INT:
      range_list(key, "a whole number", e.text, n);
      break;
    case CLV_KEY_SEED:
      snprintf(e.text, n, "a whole number from 0 to 18446744073709551615");
      break;
    case CLV_KEY_REAL:
      range_list(key, "a number", e.text, n);
      break;
    case CLV_KEY_REALS:
      range_list(key, "a number or an ascending list of numbers", e.text, n);
      break;
    case CLV_KEY_BOOL:
      snprintf(e.text, n, "true or false");
      break;
    case CLV_KEY_SECONDS:
      snprintf(e.text, n, "a duration such as 60s, 5m or 1h, at most 720h");
      break;
    case CLV_KEY_INT_OR_AUTO:
      range_list(key, "auto or a whole number", e.text, n);
      break;
    case CLV_KEY_KEEP:
      range_list(key, "a list of customer ids, or a whole number", e.text, n);
      break;
    case CLV_KEY_PRIORS:
      snprintf(e.text, n, "a map such as {r: \"lognormal(0, 1)\"}");
      break;
    case CLV_KEY_OPTIONS:
      snprintf(e.text, n, "a map such as {shape: 2}");
      break;
  }
  return e;
}

static clv_status unexpected(const clv_config_key *key, const clv_yaml *node) {
  const clv_key_expected e = clv_config_key_expected(key);
  const clv_yaml_place   p = clv_yaml_where(node);
  if (clv_yaml_is_null(node))
    return clv_fail(CLV_EUSAGE, "%s%s has no value; expected %s", p.text, key->path, e.text);
  if (node->kind == CLV_YAML_SCALAR)
    return clv_fail(CLV_EUSAGE, "%s%s is '%.100s'; expected %s", p.text, key->path, node->text, e.text);
  return clv_fail(CLV_EUSAGE, "%s%s is a %s; expected %s", p.text, key->path,
                  node->kind == CLV_YAML_LIST ? "list" : "section", e.text);
}

/* ---- from text ---- */

static bool text_whole(const clv_yaml *node, double low, double high, int64_t *out) {
  if (node->kind != CLV_YAML_SCALAR || node->text == NULL) return false;
  const char *digits = node->text + (node->text[0] == '-' || node->text[0] == '+');
  char       *end    = NULL;
  if (!isdigit((unsigned char)*digits)) return false;
  errno                 = 0;
  const long long value = strtoll(node->text, &end, 10);
  if (errno != 0 || *end != '\0' || (double)value < low || (double)value > high) return false;
  *out = value;
  return true;
}

static bool text_seed(const clv_yaml *node, uint64_t *out) {
  char *end = NULL;
  if (node->kind != CLV_YAML_SCALAR || node->text == NULL || !isdigit((unsigned char)node->text[0]))
    return false;
  errno                          = 0;
  const unsigned long long value = strtoull(node->text, &end, 10);
  if (errno != 0 || *end != '\0') return false;
  *out = value;
  return true;
}

static bool real_is_within(const clv_config_key *key, double value) {
  if (!isfinite(value)) return false;
  if (key->is_open)
    return value > key->low && (value < key->high || (value <= key->high && key->high >= 1e5));
  return value >= key->low && value <= key->high;
}

static bool text_real(const clv_config_key *key, const clv_yaml *node, double *out) {
  char *end = NULL;
  if (node->kind != CLV_YAML_SCALAR || node->text == NULL || node->text[0] == '\0') return false;
  if (node->text[strspn(node->text, "+-.0123456789eE")] != '\0')
    return false; /* no hexadecimal, no infinity */
  const double value = strtod(node->text, &end);
  if (*end != '\0' || end == node->text || !real_is_within(key, value)) return false;
  *out = value;
  return true;
}

static bool text_seconds(const clv_config_key *key, const clv_yaml *node, double *out) {
  char *end = NULL;
  if (node->kind != CLV_YAML_SCALAR || node->text == NULL || !isdigit((unsigned char)node->text[0]))
    return false;
  if (node->text[0] == '0' && tolower((unsigned char)node->text[1]) == 'x') return false;
  const double number = strtod(node->text, &end);
  double       unit   = 0.0;
  if (strcmp(end, "s") == 0 || *end == '\0')
    unit = 1.0;
  else if (strcmp(end, "m") == 0 || strcmp(end, "min") == 0)
    unit = 60.0;
  else if (strcmp(end, "h") == 0)
    unit = 3600.0;
  if (unit == 0.0 || !real_is_within(key, number * unit)) return false;
  *out = number * unit;
  return true;
}

static bool text_bool(const clv_yaml *node, bool *out) {
  static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
  if (node->kind != CLV_YAML_SCALAR || node->text == NULL) return false;
  for (size_t i = 0; i < 3; i++)
    if (strcmp(node->text, yes[i]) == 0 || strcmp(node->text, no[i]) == 0) {
      *out = strcmp(node->text, yes[i]) == 0;
      return true;
    }
  return false;
}

static const clv_choice *text_choice(const clv_config_key *key, const clv_yaml *node) {
  if (node->kind != CLV_YAML_SCALAR || node->text == NULL) return NULL;
  for (const clv_choice *c = key->choice; c->name != NULL; c++)
    if (strcmp(node->text, c->name) == 0) return c;
  return NULL;
}

bool clv_config_is_name(const char *text) {
  const size_t n = strlen(text);
  if (n == 0 || n > NAME_LENGTH_MOST || text[0] == '.' || text[0] == '-') return false;
  return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == n;
}

static clv_status text_copy(const char *text, char **out) {
  const size_t     n      = strlen(text) + 1;
  void            *memory = NULL;
  const clv_status st     = clv_alloc(n, 1, &memory);
  if (st >= 0) *out = memcpy(memory, text, n);
  return st;
}

/* ---- into the configuration ---- */

static clv_status read_text(const clv_config_key *key, const clv_yaml *node, char **to) {
  const bool is_null = clv_yaml_is_null(node);
  if (is_null && (key->fallback == NULL || strcmp(key->path, "data.columns.amount") == 0))
    return CLV_OK; /* absent on purpose */
  if (is_null || node->kind != CLV_YAML_SCALAR || node->text[0] == '\0') return unexpected(key, node);
  if (key->choice != NULL && text_choice(key, node) == NULL) return unexpected(key, node);
  if (key->choice == NULL && key->kind == CLV_KEY_NAME && !clv_config_is_name(node->text))
    return unexpected(key, node);
  return text_copy(node->text, to);
}

static clv_status read_texts(const clv_config_key *key, const clv_yaml *node, clv_strings *to) {
  clv_status       st  = CLV_OK;
  const size_t     n   = node->kind == CLV_YAML_LIST ? node->n : 1;
  clv_yaml *const  one = (clv_yaml *)(uintptr_t)node;
  clv_yaml *const *all = node->kind == CLV_YAML_LIST ? node->item : &one;
  if (node->kind == CLV_YAML_MAP || clv_yaml_is_null(node)) return unexpected(key, node);
  if (n == 0) return CLV_OK;
  CLV_TRY(clv_calloc(n, sizeof *to->item, (void **)&to->item));
  for (size_t i = 0; i < n; i++) {
    if (all[i]->kind != CLV_YAML_SCALAR || clv_yaml_is_null(all[i]) || all[i]->text[0] == '\0')
      return unexpected(key, all[i]);
    CLV_TRY(text_copy(all[i]->text, &to->item[i]));
    to->n = i + 1;
  }
out:
  return st;
}

static clv_status read_reals(const clv_config_key *key, const clv_yaml *node, clv_doubles *to) {
  clv_status       st  = CLV_OK;
  const size_t     n   = node->kind == CLV_YAML_LIST ? node->n : 1;
  clv_yaml *const  one = (clv_yaml *)(uintptr_t)node;
  clv_yaml *const *all = node->kind == CLV_YAML_LIST ? node->item : &one;
  if (node->kind == CLV_YAML_MAP || n == 0) return unexpected(key, node);
  if (n > REALS_MOST)
    return clv_fail(CLV_EUSAGE, "%s%s has %zu numbers; at most %d", clv_yaml_where(node).text, key->path, n,
                    REALS_MOST);
  CLV_TRY(clv_calloc(n, sizeof *to->item, (void **)&to->item));
  to->n = n;
  for (size_t i = 0; i < n; i++) {
    if (!text_real(key, all[i], &to->item[i])) return unexpected(key, all[i]);
    if (i > 0 && to->item[i] <= to->item[i - 1])
      return clv_fail(CLV_EUSAGE, "%s%s: %.12g follows %.12g; expected ascending numbers",
                      clv_yaml_where(all[i]).text, key->path, to->item[i], to->item[i - 1]);
  }
out:
  return st;
}

static clv_status read_keep(const clv_config_key *key, const clv_yaml *node, clv_config *to) {
  if (node->kind == CLV_YAML_LIST) return read_texts(key, node, &to->predict.keep_customers);
  return text_whole(node, key->low, key->high, &to->predict.keep_sample) ? CLV_OK : unexpected(key, node);
}

static clv_status read_pairs(const clv_config_key *key, const clv_yaml *node, clv_pairs *to) {
  clv_status st = CLV_OK;
  if (clv_yaml_is_null(node)) return CLV_OK;
  if (node->kind != CLV_YAML_MAP) return unexpected(key, node);
  if (node->n == 0) return CLV_OK;
  CLV_TRY(clv_calloc(node->n / 2, sizeof *to->item, (void **)&to->item));
  to->n = node->n / 2;
  for (size_t i = 0; i < node->n / 2; i++) {
    const clv_yaml *name = node->item[2 * i], *text = node->item[2 * i + 1];
    if (!clv_config_is_name(name->text)) return unexpected(key, name);
    if (text->kind != CLV_YAML_SCALAR || clv_yaml_is_null(text) || text->text[0] == '\0')
      return clv_fail(CLV_EUSAGE, "%s%s.%s must be a %s", clv_yaml_where(text).text, key->path, name->text,
                      key->kind == CLV_KEY_PRIORS ? "text such as \"lognormal(0, 1)\"" : "number or a text");
    CLV_TRY(text_copy(name->text, &to->item[i].name));
    CLV_TRY(text_copy(text->text, &to->item[i].text));
  }
out:
  return st;
}

static bool read_int(const clv_config_key *key, const clv_yaml *node, int *to) {
  int64_t whole = 0;
  if (key->kind == CLV_KEY_INT_OR_AUTO && node->kind == CLV_YAML_SCALAR && node->text != NULL &&
      strcmp(node->text, "auto") == 0) {
    *to = 0;
    return true;
  }
  if (!text_whole(node, key->low, key->high, &whole)) return false;
  *to = (int)whole;
  return true;
}

clv_status clv_config_value_read(const clv_config_key *key, const clv_yaml *node, clv_config *config) {
  void             *to     = member(key, config);
  const clv_choice *choice = NULL;
  bool              is_fit = false;
  switch (key->kind) {
    case CLV_KEY_TEXT:
    case CLV_KEY_NAME:
      return read_text(key, node, to);
    case CLV_KEY_TEXTS:
      return read_texts(key, node, to);
    case CLV_KEY_REALS:
      return read_reals(key, node, to);
    case CLV_KEY_KEEP:
      return read_keep(key, node, config);
    case CLV_KEY_PRIORS:
    case CLV_KEY_OPTIONS:
      return read_pairs(key, node, to);
    case CLV_KEY_INT:
    case CLV_KEY_INT_OR_AUTO:
      is_fit = read_int(key, node, to);
      break;
    case CLV_KEY_SEED:
      is_fit = text_seed(node, to);
      break;
    case CLV_KEY_REAL:
      is_fit = text_real(key, node, to);
      break;
    case CLV_KEY_BOOL:
      is_fit = text_bool(node, to);
      break;
    case CLV_KEY_SECONDS:
      is_fit = text_seconds(key, node, to);
      break;
    case CLV_KEY_CHOICE:
      choice = text_choice(key, node);
      if (choice != NULL)
        memcpy(to, &choice->value, sizeof choice->value); /* every enum here is an int's size */
      is_fit = choice != NULL;
      break;
  }
  return is_fit ? CLV_OK : unexpected(key, node);
}

static void strings_free(clv_strings *self) {
  for (size_t i = 0; i < self->n; i++) free(self->item[i]);
  free(self->item);
  *self = (clv_strings){0};
}

static void pairs_free(clv_pairs *self) {
  for (size_t i = 0; i < self->n; i++) {
    free(self->item[i].name);
    free(self->item[i].text);
  }
  free(self->item);
  *self = (clv_pairs){0};
}

void clv_config_value_free(const clv_config_key *key, clv_config *self) {
  void *at = member(key, self);
  switch (key->kind) {
    case CLV_KEY_TEXT:
    case CLV_KEY_NAME:
      free(*(char **)at);
      *(char **)at = NULL;
      break;
    case CLV_KEY_TEXTS:
    case CLV_KEY_KEEP:
      strings_free(at);
      break;
    case CLV_KEY_REALS:
      free(((clv_doubles *)at)->item);
      *(clv_doubles *)at = (clv_doubles){0};
      break;
    case CLV_KEY_PRIORS:
    case CLV_KEY_OPTIONS:
      pairs_free(at);
      break;
    default:
      break;
  }
}
