# papillon_layer(<name> [DEPENDS targets...] [PRIVATE targets...]): one library from all .cpp files below the
# current folder.
function(papillon_layer name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  set(target papillon_${name})
  add_library(${target} ${sources})
  add_library(papillon::${name} ALIAS ${target})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PAPILLON_INCLUDE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    POSITION_INDEPENDENT_CODE ON
    INSTALL_RPATH "$ORIGIN")
  papillon_target_options(${target})
  # By default GCC makes variables of inline functions and templates unique in the process. The dynamic linker
  # then never unloads a module that contains this library, and two such modules share the variables.
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  if(PAPILLON_LIBFUZZER)  # coverage of the library guides libFuzzer
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  papillon_precompile(${target} papillon_tensor <papillon/tensor/tensor.hpp>)
  target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY PAPILLON_LAYERS ${name})
endfunction()
