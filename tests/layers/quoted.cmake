# Fails unless PAGE quotes PROGRAM exactly, without its first comment.
cmake_minimum_required(VERSION 3.25)  # a script has no policies of its own
file(READ "${PAGE}" page)
file(READ "${PROGRAM}" program)
string(REGEX REPLACE "^(//[^\n]*\n)+" "" program "${program}")
string(FIND "${page}" "```cpp\n${program}```" found)
if(found EQUAL -1)
  message(FATAL_ERROR "${PAGE} does not quote ${PROGRAM} as it is")
endif()
