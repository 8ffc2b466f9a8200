# Flags every target of the project is compiled with.
add_library(clv_flags INTERFACE)
target_compile_options(clv_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wvla
  # The same bits everywhere: no fused multiply-add that the source does not spell out, no reassociation.
  -ffp-contract=off -fno-fast-math
  -fno-math-errno)
if(CLV_WERROR)
  target_compile_options(clv_flags INTERFACE -Werror)
endif()
target_compile_definitions(clv_flags INTERFACE _GNU_SOURCE
  $<$<CONFIG:Debug>:CLV_DEBUG=1>)
if(CLV_SANITIZE)
  target_compile_options(clv_flags INTERFACE -fsanitize=${CLV_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(clv_flags INTERFACE -fsanitize=${CLV_SANITIZE})
endif()
if(CLV_FUZZ) # the folders' code must be seen by the fuzzer, not only its harness
  target_compile_options(clv_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(clv_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(clv_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>
  $<INSTALL_INTERFACE:include/clv>)

# One static library per folder; `clv_folder(comm LINKS ...)` is the architecture.
function(clv_folder name)
  cmake_parse_arguments(ARG "" "" "LINKS;PRIVATE_LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  list(FILTER sources EXCLUDE REGEX "\\.kernel\\.c$") # compiled several times, see engine/CMakeLists.txt
  add_library(clv_${name} STATIC ${sources})
  add_library(clv::${name} ALIAS clv_${name})
  set_target_properties(clv_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON EXPORT_NAME ${name})
  target_link_libraries(clv_${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS} $<BUILD_INTERFACE:clv_flags>)
  target_include_directories(clv_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/clv>)
endfunction()
