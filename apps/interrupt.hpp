// SIGINT and SIGTERM: a command that can stop tidily asks interrupted() between its steps.
#pragma once

#include <stdexcept>

namespace papillon::apps {

inline constexpr int exit_done = 0;
inline constexpr int exit_usage = 2;
inline constexpr int exit_input = 3;
inline constexpr int exit_numerical = 4;
inline constexpr int exit_interrupted = 130;

// Thrown by a command that stopped because of a signal, once all that is to be saved is saved.
struct Interrupted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Until this is called, a signal ends the process at once with exit code 130; from then on the
// first one only sets the flag, and a second one ends the process.
void watch_for_interrupts();
bool interrupted();
// Installs the handlers; called once, by main.
void install_signal_handlers();

}  // namespace papillon::apps
