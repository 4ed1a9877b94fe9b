# Fails unless README.md contains tests/consumer/embed.cpp (but for its first line) word by word.
cmake_minimum_required(VERSION 3.25)  # a script has no policies of its own
file(READ "${ROOT}/README.md" readme)
file(READ "${ROOT}/tests/consumer/embed.cpp" example)
string(FIND "${example}" "\n" end_of_first)
math(EXPR begin "${end_of_first} + 1")
string(SUBSTRING "${example}" ${begin} -1 example)
string(FIND "${readme}" "```cpp\n${example}```" found)
if(found EQUAL -1)
  message(FATAL_ERROR "the example in README.md is not tests/consumer/embed.cpp")
endif()
