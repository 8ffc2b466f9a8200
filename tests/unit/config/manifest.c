/* A step is current only while version, configuration, inputs and outputs are what its record says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/files.h"
#include "io/manifest.h"

typedef struct place {
  char directory[64], in[96], out[96], absent[96], manifest[96];
} place;

static void put(const char *path, const char *text) {
  assert_int_equal(clv_file_write(path, text, strlen(text)), CLV_OK);
}

static clv_manifest_verdict verdict(const place *p, const clv_manifest_facts *facts) {
  clv_manifest        *m = NULL;
  clv_manifest_verdict v = CLV_STEP_NEVER;
  assert_int_equal(clv_manifest_open(p->directory, NULL, &m), CLV_OK);
  assert_int_equal(clv_manifest_check(m, facts, &v), CLV_OK);
  clv_manifest_free(&m);
  return v;
}

static void record(const place *p, const clv_manifest_facts *facts) {
  clv_manifest *m = NULL;
  assert_int_equal(clv_manifest_open(p->directory, NULL, &m), CLV_OK);
  assert_int_equal(clv_manifest_record(m, facts), CLV_OK);
  clv_manifest_free(&m);
}

static place place_make(void) {
  place p = {.directory = "/tmp/clv_manifest_XXXXXX"};
  assert_non_null(mkdtemp(p.directory));
  snprintf(p.in, sizeof p.in, "%s/in", p.directory);
  snprintf(p.out, sizeof p.out, "%s/out", p.directory);
  snprintf(p.absent, sizeof p.absent, "%s/absent", p.directory);
  snprintf(p.manifest, sizeof p.manifest, "%s/manifest.json", p.directory);
  put(p.in, "abc");
  put(p.out, "result");
  return p;
}

static void place_remove(const place *p) {
  unlink(p->in), unlink(p->out), unlink(p->manifest);
  rmdir(p->directory);
}

static void notices_each_change(void **state) {
  (void)state;
  const place        p     = place_make();
  char              *in[]  = {(char *)(uintptr_t)p.in};
  char              *out[] = {(char *)(uintptr_t)p.out, (char *)(uintptr_t)p.absent};
  const clv_strings  input = {in, 1}, output = {out, 2};
  clv_manifest_facts f = {.step    = "fit",
                          .version = "1",
                          .config  = "a: 1\n",
                          .input   = &input,
                          .output  = &output,
                          .seed    = 1,
                          .ranks   = 3};
  assert_int_equal(verdict(&p, &f), CLV_STEP_NEVER);
  record(&p, &f);
  assert_int_equal(verdict(&p, &f), CLV_STEP_CURRENT);
  f.ranks = 1;
  assert_int_equal(verdict(&p, &f), CLV_STEP_CURRENT); /* nothing depends on the rank count */
  f.version = "2";
  assert_int_equal(verdict(&p, &f), CLV_STEP_VERSION);
  f.version = "1", f.config = "a: 2\n";
  assert_int_equal(verdict(&p, &f), CLV_STEP_CONFIG);
  f.config = "a: 1\n";
  put(p.in, "abd");
  assert_int_equal(verdict(&p, &f), CLV_STEP_INPUTS);
  put(p.in, "abc");
  put(p.out, "resulT");
  assert_int_equal(verdict(&p, &f), CLV_STEP_OUTPUTS);
  unlink(p.out);
  assert_int_equal(verdict(&p, &f), CLV_STEP_OUTPUTS);
  put(p.out, "result");
  assert_int_equal(verdict(&p, &f), CLV_STEP_CURRENT);
  place_remove(&p);
}

static void begins_anew_where_damaged(void **state) {
  (void)state;
  const place   p          = place_make();
  clv_manifest *m          = NULL;
  bool          is_damaged = false;
  put(p.manifest, "{\"steps\": ");
  assert_int_equal(clv_manifest_open(p.directory, &is_damaged, &m), CLV_OK);
  assert_true(is_damaged);
  clv_manifest_free(&m);
  place_remove(&p);
}

static void digest_is_the_published_one(void **state) {
  (void)state;
  const place p = place_make();
  clv_digest  d;
  /* FIPS 180-2, example B.1: "abc" */
  assert_int_equal(clv_file_digest(p.in, &d), CLV_OK);
  assert_string_equal(d.hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_true(d.bytes == 3);
  place_remove(&p);
}

static void refused_places_are_usage_errors(void **state) {
  (void)state;
  clv_message_clear();
  assert_int_equal(clv_directory_make("/proc/nowhere/run"), CLV_EUSAGE);
  clv_message_clear();
  assert_int_equal(clv_file_write_failed("x", 28 /* ENOSPC */), CLV_EIO);
  assert_non_null(strstr(clv_message(), "disk is full"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(notices_each_change), cmocka_unit_test(begins_anew_where_damaged),
      cmocka_unit_test(digest_is_the_published_one), cmocka_unit_test(refused_places_are_usage_errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
