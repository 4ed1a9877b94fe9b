# papillon_layer(<name> [DEPENDS targets...]): one library for one folder of the house.
# Every .cpp below the folder belongs to it.
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
  # GCC marks variables of inline functions and templates as unique in the process: the dynamic linker
  # then never unloads a module that has this library inside, and two such modules share them.
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  if(PAPILLON_LIBFUZZER)  # libFuzzer steers by what the library does
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  papillon_precompile(${target} papillon_tensor <papillon/tensor/tensor.hpp>)
  target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY PAPILLON_LAYERS ${name})
endfunction()
