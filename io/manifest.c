#include "io/manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/files.h"

enum { FORMAT = 1 };

struct clv_manifest {
  char   *path; /* owned */
  json_t *root; /* owned; {"format", "steps": {}} */
};

static clv_status no_memory(void) { return clv_fail(CLV_ENOMEM, "no memory for the manifest"); }

/* ---- open ---- */

static json_t *root_read(const char *path) {
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
  if (json_is_object(json_object_get(root, "steps")) &&
      json_integer_value(json_object_get(root, "format")) == FORMAT)
    return root;
  json_decref(root);
  return NULL;
}

clv_status clv_manifest_open(const char *directory, bool *is_damaged, clv_manifest **out) {
  clv_status    st     = CLV_OK;
  clv_manifest *self   = NULL;
  const size_t  length = strlen(directory) + sizeof "/manifest.json";
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_alloc(length, 1, (void **)&self->path));
  snprintf(self->path, length, "%s/manifest.json", directory);
  const bool exists = access(self->path, F_OK) == 0;
  if (exists) self->root = root_read(self->path);
  if (is_damaged != NULL) *is_damaged = exists && self->root == NULL;
  if (self->root == NULL) self->root = json_pack("{s:i,s:{}}", "format", FORMAT, "steps");
  if (self->root == NULL) CLV_TRY(no_memory());
  *out = self, self = NULL;
out:
  clv_manifest_free(&self);
  return st;
}

void clv_manifest_free(clv_manifest **self) {
  if (*self == NULL) return;
  json_decref((*self)->root);
  free((*self)->path);
  free(*self);
  *self = NULL;
}

static json_t *step_get(const clv_manifest *self, const char *step) {
  return json_object_get(json_object_get(self->root, "steps"), step);
}

/* ---- files ---- */

/** [{"path", "bytes", "sha256"}] of the files that exist. */
static clv_status files_describe(const clv_strings *paths, json_t **out) {
  clv_status st   = CLV_OK;
  json_t    *list = json_array();
  if (list == NULL) CLV_TRY(no_memory());
  for (size_t i = 0; i < paths->n; i++) {
    clv_digest digest;
    if (access(paths->item[i], F_OK) != 0) continue;
    CLV_TRY(clv_file_digest(paths->item[i], &digest));
    json_t *file = json_pack("{s:s%,s:I,s:s}", "path", paths->item[i], strlen(paths->item[i]), "bytes",
                             (json_int_t)digest.bytes, "sha256", digest.hex);
    if (file == NULL)
      CLV_TRY(clv_fail(CLV_EUSAGE, "the path '%.300s' is no UTF-8 text; rename it", paths->item[i]));
    if (json_array_append_new(list, file) != 0) CLV_TRY(no_memory());
  }
  *out = list, list = NULL;
out:
  json_decref(list);
  return st;
}

static clv_status files_are_same(const json_t *step, const char *key, const clv_strings *paths, bool *same) {
  json_t          *now  = NULL;
  const json_t    *then = json_object_get(step, key);
  const clv_status st   = files_describe(paths, &now);
  if (st < 0) return st;
  *same = then != NULL && json_equal(now, then);
  json_decref(now);
  return CLV_OK;
}

/* ---- check ---- */

static bool text_is_same(const json_t *step, const char *key, const char *value) {
  const char *then = json_string_value(json_object_get(step, key));
  return then != NULL && strcmp(then, value) == 0;
}

clv_status clv_manifest_check(const clv_manifest *self, const clv_manifest_facts *facts,
                              clv_manifest_verdict *out) {
  clv_status    st   = CLV_OK;
  const json_t *step = step_get(self, facts->step);
  bool          same = false;
  clv_digest    config;

  *out = CLV_STEP_NEVER;
  if (step == NULL) goto out;
  *out = CLV_STEP_VERSION;
  if (!text_is_same(step, "version", facts->version)) goto out;
  *out = CLV_STEP_CONFIG;
  CLV_TRY(clv_bytes_digest(facts->config, strlen(facts->config), &config));
  if (!text_is_same(step, "config_sha256", config.hex)) goto out;
  *out = CLV_STEP_INPUTS;
  CLV_TRY(files_are_same(step, "inputs", facts->input, &same));
  if (!same) goto out;
  *out = CLV_STEP_OUTPUTS;
  CLV_TRY(files_are_same(step, "outputs", facts->output, &same));
  if (same) *out = CLV_STEP_CURRENT;
out:
  return st;
}

bool clv_manifest_is_converged(const clv_manifest *self, const char *step) {
  return !json_is_false(json_object_get(step_get(self, step), "converged"));
}

/* ---- record ---- */

static void time_format(time_t at, char *text, size_t size) {
  struct tm utc;
  gmtime_r(&at, &utc);
  strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static clv_status step_describe(const clv_manifest_facts *facts, json_t **out) {
  clv_status st    = CLV_OK;
  json_t    *input = NULL, *output = NULL;
  char       started[32], ended[32], seed[24];
  clv_digest config;
  CLV_TRY(clv_bytes_digest(facts->config, strlen(facts->config), &config));
  CLV_TRY(files_describe(facts->input, &input));
  CLV_TRY(files_describe(facts->output, &output));
  time_format(facts->started, started, sizeof started);
  time_format(facts->started + (time_t)facts->seconds, ended, sizeof ended);
  snprintf(seed, sizeof seed, "%llu",
           (unsigned long long)facts->seed); /* a text: JSON's numbers end at 2^53 */
  *out = json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:f,s:b,s:O,s:O}", "version", facts->version, "config_sha256",
                   config.hex, "seed", seed, "ranks", facts->ranks, "started", started, "ended", ended,
                   "seconds", facts->seconds, "converged", (int)facts->is_converged, "inputs", input,
                   "outputs", output);
  if (*out == NULL) CLV_TRY(no_memory());
out:
  json_decref(input);
  json_decref(output);
  return st;
}

clv_status clv_manifest_record(clv_manifest *self, const clv_manifest_facts *facts) {
  clv_status st   = CLV_OK;
  json_t    *step = NULL;
  char      *text = NULL;
  CLV_TRY(step_describe(facts, &step));
  if (json_object_set_new(json_object_get(self->root, "steps"), facts->step, step) != 0) CLV_TRY(no_memory());
  text = json_dumps(self->root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
  if (text == NULL) CLV_TRY(no_memory());
  CLV_TRY(clv_file_write(self->path, text, strlen(text)));
out:
  free(text);
  return st;
}

/* ---- results ---- */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static const char *file_text(const json_t *file, const char *key) {
  const char *text = json_string_value(json_object_get(file, key));
  return text == NULL ? "" : text;
}

/** The record of a file that some step wrote; NULL where none did. */
static const json_t *output_find(const clv_manifest *self, const char *name) {
  const char   *step;
  const json_t *record, *file;
  size_t        i;
  json_object_foreach(json_object_get(self->root, "steps"), step, record) {
    if (strcmp(step, "stage") == 0) continue;
    json_array_foreach(json_object_get(record, "outputs"), i, file) {
      if (strcmp(base_name(file_text(file, "path")), name) == 0) return file;
    }
  }
  return NULL;
}

/** The first input of a step that is not what its maker wrote last; NULL: none. */
static const char *stale_find(const clv_manifest *self, const json_t *record) {
  const json_t *file;
  size_t        i;
  json_array_foreach(json_object_get(record, "inputs"), i, file) {
    const char   *name  = base_name(file_text(file, "path"));
    const json_t *maker = output_find(self, name);
    if (maker != NULL && strcmp(file_text(maker, "sha256"), file_text(file, "sha256")) != 0) return name;
  }
  return NULL;
}

clv_status clv_manifest_results(const clv_manifest *self, clv_manifest_result **out, size_t *n) {
  clv_status           st   = CLV_OK;
  clv_manifest_result *list = NULL;
  const char          *step;
  const json_t        *record, *file;
  size_t               i, count = 0;
  json_object_foreach(json_object_get(self->root, "steps"), step, record) {
    if (strcmp(step, "stage") == 0) continue;
    const char *stale = stale_find(self, record);
    json_array_foreach(json_object_get(record, "outputs"), i, file) {
      CLV_TRY(clv_realloc(count + 1, sizeof *list, (void **)&list));
      clv_manifest_result *to = &list[count++];
      *to                     = (clv_manifest_result){.step = step, .stale = stale};
      snprintf(to->name, sizeof to->name, "%s", base_name(file_text(file, "path")));
      snprintf(to->sha256, sizeof to->sha256, "%s", file_text(file, "sha256"));
      to->bytes = json_integer_value(json_object_get(file, "bytes"));
    }
  }
  *out = list, list = NULL;
  *n = count;
out:
  free(list);
  return st;
}

static clv_status staged_describe(const clv_manifest_result *file, size_t n, json_t **out) {
  clv_status st    = CLV_OK;
  json_t    *files = json_array();
  char       now[32];
  time_format(time(NULL), now, sizeof now);
  for (size_t i = 0; i < n; i++)
    json_array_append_new(files, json_pack("{s:s,s:I,s:s}", "path", file[i].name, "bytes",
                                           (json_int_t)file[i].bytes, "sha256", file[i].sha256));
  if (json_array_size(files) == n) *out = json_pack("{s:s,s:O}", "at", now, "files", files);
  if (*out == NULL) st = no_memory();
  json_decref(files);
  return st;
}

clv_status clv_manifest_stage(const clv_manifest *self, const char *directory,
                              const clv_manifest_result *file, size_t n) {
  clv_status   st   = CLV_OK;
  json_t      *root = json_copy(self->root), *staged = NULL;
  char        *text = NULL, *path = NULL;
  const size_t length = strlen(directory) + sizeof "/manifest.json";
  CLV_TRY(staged_describe(file, n, &staged));
  if (root == NULL || json_object_set(root, "staged", staged) != 0) CLV_TRY(no_memory());
  text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
  if (text == NULL) CLV_TRY(no_memory());
  CLV_TRY(clv_alloc(length, 1, (void **)&path));
  snprintf(path, length, "%s/manifest.json", directory);
  CLV_TRY(clv_file_write(path, text, strlen(text)));
out:
  json_decref(staged);
  json_decref(root);
  free(text);
  free(path);
  return st;
}

clv_status clv_manifest_is_staged(const char *directory, bool *out) {
  clv_manifest *manifest = NULL;
  clv_status    st       = clv_manifest_open(directory, NULL, &manifest);
  if (st >= 0) *out = json_is_object(json_object_get(manifest->root, "staged"));
  clv_manifest_free(&manifest);
  return st;
}
