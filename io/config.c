#include "io/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/config_schema.h"
#include "io/nearest.h"

enum { PATH_MOST = 160, ORIGIN_DEFAULT = 0, ORIGIN_SET = -1 };

struct clv_config_origin {
  char *file; /* owned */
  long *line; /* owned [keys of the schema]: line in the file, or one of ORIGIN_ */
};

/** What a load works on; the trees live until every value is copied. */
typedef struct loader {
  const clv_config_key *key; /* borrowed [n_key] */
  size_t                n_key;
  const clv_yaml      **found;  /* owned [n_key]; each borrowed; NULL: default */
  clv_yaml             *file;   /* owned */
  clv_yaml            **set;    /* owned [n_set], each owned */
  char                **source; /* owned [n_set], each owned: "--set key=value" */
  size_t                n_set;
  clv_config           *config; /* owned */
} loader;

static clv_status text_duplicate(const char *text, size_t n, char **out) {
  void            *memory = NULL;
  const clv_status st     = clv_alloc(n + 1, 1, &memory);
  if (st < 0) return st;
  memcpy(memory, text, n);
  ((char *)memory)[n] = '\0';
  *out                = memory;
  return CLV_OK;
}

static bool path_is_under(const char *path, const char *section) {
  const size_t n = strlen(section);
  return strncmp(path, section, n) == 0 && path[n] == '.';
}

static bool path_is_section(const char *path) {
  size_t                n   = 0;
  const clv_config_key *key = clv_config_schema(&n);
  for (size_t i = 0; i < n; i++)
    if (path_is_under(key[i].path, path)) return true;
  return false;
}

static const char *path_leaf(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot == NULL ? path : dot + 1;
}

/* ---- unknown keys ---- */

/** The nearest whole path; else the key that ends like the one typed (a key in the wrong section). */
static const char *path_nearest(const char *path) {
  size_t                n       = 0;
  const clv_config_key *key     = clv_config_schema(&n);
  clv_nearest           nearest = clv_nearest_begin(path);
  for (size_t i = 0; i < n; i++)
    if (strcmp(path_leaf(key[i].path), path_leaf(path)) == 0) return key[i].path;
  nearest.distance = strlen(path_leaf(path)) / 3 + 2;
  for (size_t i = 0; i < n; i++) clv_nearest_offer(&nearest, key[i].path);
  static const char *const sections[] = {"data",   "data.columns", "customers",   "customers.columns",
                                         "model",  "sampler",      "diagnostics", "predict",
                                         "output", "stage"};
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) clv_nearest_offer(&nearest, sections[i]);
  if (nearest.name != NULL) return nearest.name;
  clv_nearest leaf = clv_nearest_begin(path_leaf(path));
  for (size_t i = 0; i < n; i++) {
    clv_nearest_offer(&leaf, path_leaf(key[i].path));
    if (leaf.name == path_leaf(key[i].path)) nearest.name = key[i].path;
  }
  return nearest.name;
}

static clv_status path_unknown(const char *where, const char *path) {
  const char *near = path_nearest(path);
  if (near != NULL)
    return clv_fail(CLV_EUSAGE, "%sunknown key '%.150s'; did you mean '%s'?", where, path, near);
  return clv_fail(CLV_EUSAGE, "%sunknown key '%.150s'; 'clv config' lists the keys", where, path);
}

/* ---- the file ---- */

static clv_status section_walk(loader *l, const clv_yaml *map, const char *prefix) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i + 1 < map->n; i += 2) {
    const clv_yaml *name = map->item[i], *value = map->item[i + 1];
    char            path[PATH_MOST];
    const int       n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", name->text);
    if (n < 0 || (size_t)n >= sizeof path)
      return clv_fail(CLV_EUSAGE, "%sunknown key '%.60s…'; 'clv config' lists the keys",
                      clv_yaml_where(name).text, name->text);
    const size_t k = clv_config_schema_find(path);
    if (k < l->n_key && clv_yaml_is_null(value) && l->key[k].fallback != NULL &&
        strcmp(path, "data.columns.amount") != 0)
      CLV_TRY(clv_config_value_read(&l->key[k], value, l->config)); /* says that the value is missing */
    if (k < l->n_key)
      l->found[k] = value;
    else if (!path_is_section(path))
      return path_unknown(clv_yaml_where(name).text, path);
    else if (value->kind == CLV_YAML_MAP)
      CLV_TRY(section_walk(l, value, path));
    else if (!clv_yaml_is_null(value))
      return clv_fail(CLV_EUSAGE, "%s%s is a section; expected its keys below it, indented",
                      clv_yaml_where(value).text, path);
  }
out:
  return st;
}

static clv_status file_read(loader *l, const clv_config_text *text) {
  clv_status            st     = CLV_OK;
  const clv_yaml_source source = {
      .name = text->file, .is_file = true, .text = text->text, .length = text->length};
  CLV_TRY(clv_yaml_parse(&source, &l->file));
  if (clv_yaml_is_null(l->file)) return CLV_OK;
  if (l->file->kind != CLV_YAML_MAP)
    return clv_fail(CLV_EUSAGE, "%sexpected sections such as 'data:' and 'sampler:', with keys below them",
                    clv_yaml_where(l->file).text);
  CLV_TRY(section_walk(l, l->file, ""));
out:
  return st;
}

/* ---- --set ---- */

/** Texts are taken as they are (the shell has already read quotes); everything else is YAML. */
static clv_status set_value(const clv_config_key *key, const char *source, const char *value,
                            clv_yaml **out) {
  clv_status st      = CLV_OK;
  clv_yaml  *self    = NULL;
  const bool is_list = value[0] == '[' || value[0] == '{';
  const bool is_text = key == NULL || key->kind == CLV_KEY_TEXT || key->kind == CLV_KEY_NAME ||
                       (key->kind == CLV_KEY_TEXTS && !is_list);
  const clv_yaml_source yaml = {.name = source, .text = value, .length = strlen(value)};
  if (!is_text) return clv_yaml_parse(&yaml, out);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->source = source;
  CLV_TRY(text_duplicate(value, strlen(value), &self->text));
  *out = self, self = NULL;
out:
  clv_yaml_free(&self);
  return st;
}

/** Is `path` below a key that is a map, such as model.priors.r? Row of that key, n_key where there is none.
 */
static size_t pair_key(const loader *l, const char *path) {
  for (size_t k = 0; k < l->n_key; k++)
    if ((l->key[k].kind == CLV_KEY_PRIORS || l->key[k].kind == CLV_KEY_OPTIONS) &&
        path_is_under(path, l->key[k].path))
      return k;
  return l->n_key;
}

/** model.priors.NAME replaces or adds one pair. */
static clv_status set_pair(const clv_config_key *key, const char *name, const clv_yaml *value,
                           clv_pairs *to) {
  clv_status st = CLV_OK;
  size_t     i  = 0;
  if (clv_yaml_is_null(value) || value->text[0] == '\0' || strchr(name, '.') != NULL ||
      !clv_config_is_name(name))
    return clv_fail(CLV_EUSAGE, "%sexpected %s.NAME=%s", clv_yaml_where(value).text, key->path,
                    key->kind == CLV_KEY_PRIORS ? "DISTRIBUTION, such as model.priors.r=lognormal(0, 1)"
                                                : "VALUE, such as model.plugin_options.shape=2");
  while (i < to->n && strcmp(to->item[i].name, name) != 0) i++;
  if (i == to->n) {
    CLV_TRY(clv_realloc(i + 1, sizeof *to->item, (void **)&to->item));
    to->item[i] = (clv_pair){0};
    to->n       = i + 1;
    CLV_TRY(text_duplicate(name, strlen(name), &to->item[i].name));
  }
  free(to->item[i].text);
  to->item[i].text = NULL;
  CLV_TRY(text_duplicate(value->text, strlen(value->text), &to->item[i].text));
out:
  return st;
}

static clv_status set_read(loader *l, size_t i, const char *text) {
  clv_status  st    = CLV_OK;
  const char *equal = strchr(text, '=');
  char        path[PATH_MOST];
  void       *source = NULL;

  if (equal == NULL || equal == text || (size_t)(equal - text) >= sizeof path)
    return clv_fail(CLV_EUSAGE, "--set %.200s: expected key=value, such as sampler.seed=7", text);
  if (!clv_yaml_is_utf8(text)) return clv_fail(CLV_EUSAGE, "--set: the text is not UTF-8");
  memcpy(path, text, (size_t)(equal - text));
  path[equal - text] = '\0';
  CLV_TRY(clv_alloc(strlen(text) + 8, 1, &source));
  snprintf(source, strlen(text) + 8, "--set %s", text);
  l->source[i]   = source;
  const size_t k = clv_config_schema_find(path);
  if (k == l->n_key && pair_key(l, path) == l->n_key) {
    char where[300];
    snprintf(where, sizeof where, "--set %.250s: ", text);
    if (path_is_section(path))
      return clv_fail(CLV_EUSAGE, "%s%s is a section; set one of its keys", where, path);
    return path_unknown(where, path);
  }
  CLV_TRY(set_value(k < l->n_key ? &l->key[k] : NULL, l->source[i], equal + 1, &l->set[i]));
  if (k < l->n_key) l->found[k] = l->set[i];
out:
  return st;
}

static clv_status pairs_set(loader *l) {
  clv_status   st = CLV_OK;
  const size_t n  = strlen("--set ");
  for (size_t i = 0; i < l->n_set; i++) {
    char path[PATH_MOST] = "";
    memcpy(path, l->source[i] + n, strcspn(l->source[i] + n, "="));
    const size_t k = pair_key(l, path);
    if (k == l->n_key || strcmp(path, l->key[k].path) == 0) continue;
    CLV_TRY(set_pair(&l->key[k], path + strlen(l->key[k].path) + 1, l->set[i],
                     (clv_pairs *)(void *)((char *)l->config + l->key[k].offset)));
    l->config->origin->line[k] = ORIGIN_SET;
  }
out:
  return st;
}

/* ---- values ---- */

static clv_status default_read(const clv_config_key *key, clv_config *config) {
  clv_status            st     = CLV_OK;
  clv_yaml             *node   = NULL;
  const clv_yaml_source source = {.name = key->path, .text = key->fallback, .length = strlen(key->fallback)};
  CLV_TRY(clv_yaml_parse(&source, &node));
  CLV_TRY(clv_config_value_read(key, node, config));
out:
  clv_yaml_free(&node);
  return st;
}

/** "runs/cdnow.yaml" -> "cdnow"; what does not fit a directory's name becomes '_'. */
static clv_status name_default(const char *file, clv_config *config) {
  clv_status  st    = CLV_OK;
  const char *slash = strrchr(file, '/'), *base = slash == NULL ? file : slash + 1;
  const char *dot = strrchr(base, '.');
  size_t      n   = dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base);
  if (n > 100) n = 100;
  if (n == 0) base = "run", n = 3;
  CLV_TRY(text_duplicate(base, n, &config->name));
  for (char *c = config->name; *c != '\0'; c++)
    if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
          strchr("_-.", *c) != NULL))
      *c = '_';
  if (config->name[0] == '.' || config->name[0] == '-') config->name[0] = '_';
out:
  return st;
}

static clv_status values_read(loader *l, const char *file) {
  clv_status st = CLV_OK;
  for (size_t k = 0; k < l->n_key; k++) {
    const clv_yaml *node = l->found[k];
    if (node != NULL) {
      CLV_TRY(clv_config_value_read(&l->key[k], node, l->config));
      l->config->origin->line[k] = node->line > 0 ? (long)node->line : ORIGIN_SET;
    } else if (l->key[k].fallback != NULL) {
      CLV_TRY(default_read(&l->key[k], l->config));
    }
  }
  if (l->config->name == NULL) CLV_TRY(name_default(file, l->config));
  CLV_TRY(pairs_set(l));
out:
  return st;
}

static void loader_free(loader *l) {
  for (size_t i = 0; i < l->n_set; i++) {
    if (l->set != NULL) clv_yaml_free(&l->set[i]);
    if (l->source != NULL) free(l->source[i]);
  }
  free(l->set);
  free(l->source);
  free(l->found);
  clv_yaml_free(&l->file);
  clv_config_free(&l->config);
}

static clv_status loader_begin(loader *l, const char *file, size_t n_set) {
  clv_status st = CLV_OK;
  l->key        = clv_config_schema(&l->n_key);
  CLV_TRY(clv_calloc(l->n_key, sizeof *l->found, (void **)&l->found));
  CLV_TRY(clv_calloc(n_set + 1, sizeof *l->set, (void **)&l->set));
  CLV_TRY(clv_calloc(n_set + 1, sizeof *l->source, (void **)&l->source));
  l->n_set = n_set;
  CLV_TRY(clv_calloc(1, sizeof *l->config, (void **)&l->config));
  CLV_TRY(clv_calloc(1, sizeof *l->config->origin, (void **)&l->config->origin));
  CLV_TRY(text_duplicate(file, strlen(file), &l->config->origin->file));
  CLV_TRY(clv_calloc(l->n_key, sizeof *l->config->origin->line, (void **)&l->config->origin->line));
out:
  return st;
}

clv_status clv_config_parse(const clv_config_text *text, const char *const *set, size_t n_set,
                            clv_config **out) {
  clv_status st = CLV_OK;
  loader     l  = {0};
  CLV_TRY(loader_begin(&l, text->file, n_set));
  CLV_TRY(file_read(&l, text));
  for (size_t i = 0; i < n_set; i++) CLV_TRY(set_read(&l, i, set[i]));
  CLV_TRY(values_read(&l, text->file));
  CLV_TRY(clv_config_check(l.config, text->file));
  *out = l.config, l.config = NULL;
out:
  loader_free(&l);
  return st;
}

void clv_config_free(clv_config **self) {
  clv_config *gone = *self;
  size_t      n    = 0;
  *self            = NULL;
  if (gone == NULL) return;
  const clv_config_key *key = clv_config_schema(&n);
  for (size_t k = 0; k < n; k++) clv_config_value_free(&key[k], gone);
  if (gone->origin != NULL) {
    free(gone->origin->file);
    free(gone->origin->line);
  }
  free(gone->origin);
  free(gone);
}

/* ---- reading ---- */

static clv_status bytes_read(const char *path, char **text, size_t *length) {
  clv_status st   = CLV_OK;
  void      *data = NULL;
  FILE      *file = fopen(path, "rb");
  if (file == NULL)
    return clv_fail(CLV_EUSAGE, "cannot open the configuration '%.500s': %s", path, strerror(errno));
  CLV_TRY(clv_alloc(CLV_YAML_BYTES_MAX + 1, 1, &data));
  errno   = 0;
  *length = fread(data, 1, CLV_YAML_BYTES_MAX + 1, file);
  if (ferror(file))
    CLV_TRY(clv_fail(CLV_EUSAGE, "cannot read the configuration '%.500s': %s", path, strerror(errno)));
  *text = data, data = NULL;
out:
  free(data);
  fclose(file);
  return st;
}

clv_status clv_config_load(const clv_comm *comm, const char *path, const char *const *set, size_t n_set,
                           clv_config **out) {
  clv_status  st     = CLV_OK;
  char       *text   = NULL;
  uint64_t    length = 0;
  size_t      n      = 0;
  clv_config *self   = NULL;

  if (clv_comm_rank(comm) == 0) st = bytes_read(path, &text, &n);
  CLV_TRY(clv_comm_agree(comm, st));
  length = n;
  clv_comm_broadcast(comm, &length, sizeof length, 0);
  if (clv_comm_rank(comm) != 0) st = clv_alloc((size_t)length + 1, 1, (void **)&text);
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_broadcast(comm, text, (size_t)length, 0);
  const clv_config_text source = {.file = path, .text = text, .length = (size_t)length};
  st                           = clv_config_parse(&source, set, n_set, &self);
  CLV_TRY(clv_comm_agree(comm, st));
  *out = self, self = NULL;
out:
  clv_config_free(&self);
  free(text);
  return st;
}

/* ---- telling ---- */

/** Open the sections of `path` that the key before it did not have open. */
static void sections_print(const char *path, const char *before, FILE *to) {
  const char *from  = path, *dot;
  int         depth = 0;
  for (; (dot = strchr(from, '.')) != NULL; from = dot + 1, depth++) {
    const size_t n = (size_t)(dot - path) + 1;
    if (before != NULL && strncmp(path, before, n) == 0) continue;
    fprintf(to, "%*s%.*s:\n", 2 * depth, "", (int)(dot - from), from);
  }
}

static int path_depth(const char *path) {
  int depth = 0;
  for (; *path != '\0'; path++) depth += *path == '.';
  return depth;
}

clv_status clv_config_print(const clv_config *self, FILE *to, bool with_origin) {
  size_t                n   = 0;
  const clv_config_key *key = clv_config_schema(&n);
  for (size_t k = 0; k < n; k++) {
    sections_print(key[k].path, k == 0 ? NULL : key[k - 1].path, to);
    fprintf(to, "%*s%s: ", 2 * path_depth(key[k].path), "", path_leaf(key[k].path));
    clv_config_value_print(&key[k], self, to);
    if (with_origin && self->origin != NULL) {
      const long line = self->origin->line[k];
      if (line == ORIGIN_DEFAULT)
        fputs("  # default", to);
      else if (line == ORIGIN_SET)
        fputs("  # --set", to);
      else
        fprintf(to, "  # %s:%ld", self->origin->file, line);
    }
    fputc('\n', to);
  }
  return ferror(to) && errno != EPIPE
             ? clv_fail(CLV_EIO, "cannot write the configuration: %s", strerror(errno))
             : CLV_OK;
}

clv_status clv_config_extract(const clv_config *self, const char *const *section, size_t n, char **out) {
  size_t                n_key = 0, size = 0;
  const clv_config_key *key  = clv_config_schema(&n_key);
  char                 *text = NULL;
  FILE                 *to   = open_memstream(&text, &size);
  if (to == NULL) return clv_fail(CLV_ENOMEM, "no memory for the configuration's text");
  for (size_t k = 0; k < n_key; k++)
    for (size_t i = 0; i < n; i++) {
      if (strcmp(key[k].path, section[i]) != 0 && !path_is_under(key[k].path, section[i])) continue;
      fprintf(to, "%s: ", key[k].path);
      clv_config_value_print(&key[k], self, to);
      fputc('\n', to);
      break;
    }
  if (fclose(to) != 0) {
    free(text);
    return clv_fail(CLV_ENOMEM, "no memory for the configuration's text");
  }
  *out = text;
  return CLV_OK;
}

clv_status clv_config_explain(const char *path, FILE *to) {
  size_t                n     = 0;
  const clv_config_key *key   = clv_config_schema(&n);
  bool                  found = false;
  for (size_t k = 0; k < n; k++) {
    if (path != NULL && strcmp(path, key[k].path) != 0 && !path_is_under(key[k].path, path)) continue;
    found = true;
    fprintf(to, "%s\n    %s\n    expects: %s\n    default: %s\n", key[k].path, key[k].help,
            clv_config_key_expected(&key[k]).text, key[k].fallback == NULL ? "none" : key[k].fallback);
  }
  return found ? CLV_OK : path_unknown("", path);
}

clv_status clv_config_run_path(const clv_config *self, const char *file, char **out) {
  void        *memory = NULL;
  const char  *slash = file == NULL ? "" : "/", *name = file == NULL ? "" : file;
  const size_t n  = strlen(self->output.directory) + strlen(self->name) + strlen(name) + 3;
  clv_status   st = clv_alloc(n, 1, &memory);
  if (st < 0) return st;
  snprintf(memory, n, "%s/%s%s%s", self->output.directory, self->name, slash, name);
  *out = memory;
  return CLV_OK;
}

double clv_time_unit_days(clv_time_unit unit) {
  static const double days[] = {1.0, 7.0, 365.25 / 12.0, 365.25};
  return days[unit];
}

const char *clv_merge_unit_name(clv_merge_unit unit) {
  static const char *const names[] = {"instant", "day", "week", "month", "year"};
  return names[unit];
}

bool clv_config_counts_opportunities(const clv_config *self) {
  return strcmp(clv_time_unit_name(self->data.time_unit), clv_merge_unit_name(self->data.merge_unit)) == 0;
}

const char *clv_time_unit_name(clv_time_unit unit) {
  static const char *const names[] = {"day", "week", "month", "year"};
  return names[unit];
}
