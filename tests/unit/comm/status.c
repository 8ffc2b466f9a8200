/* Messages, exit codes, and memory that is refused. */
#define CLV_ANALYZED_ITSELF /* see comm/analyzer.h */
#include <stdlib.h>
#include <string.h>

#include "comm/status.h"
#include "unit.h"

static void the_first_message_is_kept(void **state) {
  (void)state;
  clv_message_clear();
  assert_string_equal(clv_message(), "");
  assert_int_equal(clv_fail(CLV_EDATA, "line %d: no %s", 7, "date"), CLV_EDATA);
  assert_int_equal(clv_fail(CLV_EIO, "a consequence"), CLV_EIO);
  assert_string_equal(clv_message(), "line 7: no date");
  clv_message_clear();
  assert_int_equal(clv_fail(CLV_EIO, "another"), CLV_EIO);
  assert_string_equal(clv_message(), "another");
  clv_message_set("replaced");
  assert_string_equal(clv_message(), "replaced");
  clv_message_set(clv_message());
  assert_string_equal(clv_message(), "replaced");
}

static void a_long_message_is_cut(void **state) {
  static char text[3 * CLV_MESSAGE_MAX];
  (void)state;
  memset(text, 'x', sizeof text - 1);
  clv_message_clear();
  clv_fail(CLV_EFAULT, "%s", text);
  assert_int_equal(strlen(clv_message()), CLV_MESSAGE_MAX - 1);
  clv_message_set(text);
  assert_int_equal(strlen(clv_message()), CLV_MESSAGE_MAX - 1);
}

static void exit_codes_are_the_documented_ones(void **state) {
  static const struct {
    clv_status status;
    int        code;
  } EXPECTED[] = {{CLV_OK, 0},     {CLV_EFAULT, 1}, {CLV_EIO, 1},       {CLV_ENOMEM, 1},
                  {CLV_EUSAGE, 2}, {CLV_EDATA, 3},  {CLV_ECONVERGE, 4}, {CLV_EINTERRUPT, 75}};
  (void)state;
  for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++)
    assert_int_equal(clv_status_exit_code(EXPECTED[i].status), EXPECTED[i].code);
}

static void refused_memory_is_a_sentence_and_leaves_out_alone(void **state) {
  void *untouched = &untouched, *memory = untouched;
  (void)state;
  clv_message_clear();
  assert_int_equal(clv_alloc(SIZE_MAX, 2, &memory), CLV_ENOMEM);
  assert_ptr_equal(memory, untouched);
  assert_non_null(strstr(clv_message(), "items of 2 bytes"));
  assert_int_equal(clv_calloc(SIZE_MAX / 2, 2, &memory), CLV_ENOMEM);
  assert_int_equal(clv_realloc(SIZE_MAX / 4, 8, &memory), CLV_ENOMEM);
  assert_ptr_equal(memory, untouched);
#if !defined(__SANITIZE_ADDRESS__)
  clv_message_clear(); /* a size that the type can hold and no machine has */
  assert_int_equal(clv_alloc(PTRDIFF_MAX / 2, 1, &memory), CLV_ENOMEM);
  assert_non_null(strstr(clv_message(), "4611686018427387903 bytes"));
#endif
}

static void memory_of_no_items_is_a_pointer(void **state) {
  void *memory = NULL;
  (void)state;
  assert_int_equal(clv_alloc(0, 8, &memory), CLV_OK);
  assert_non_null(memory);
  assert_int_equal(clv_realloc(0, 8, &memory), CLV_OK);
  assert_int_equal(clv_realloc(100, 8, &memory), CLV_OK);
  free(memory);
  assert_int_equal(clv_calloc(100, 8, &memory), CLV_OK);
  for (size_t i = 0; i < 800; i++) assert_int_equal(((char *)memory)[i], 0);
  free(memory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_message_is_kept),
      cmocka_unit_test(a_long_message_is_cut),
      cmocka_unit_test(exit_codes_are_the_documented_ones),
      cmocka_unit_test(refused_memory_is_a_sentence_and_leaves_out_alone),
      cmocka_unit_test(memory_of_no_items_is_a_pointer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
