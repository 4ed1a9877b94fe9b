// SIGINT, SIGTERM and SIGHUP: a run ends within two seconds, wherever it is, with nothing
// half-written left and with all saved that was finished.
//
// Most of a run has nothing to save that is not in its files already: there a signal ends the
// process at once. Code that has holds a Patience; code that must not be cut short, as it saves, a
// SaveInProgress. A second signal ends the process in any case.
#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>

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

// Installs the handlers; called once, by main.
void install_signal_handlers();
// What is written to stderr where a signal ends the process; empty: nothing.
void set_interrupt_line(const std::string& text);
// A process that goes with this one; 0: none.
void set_child(pid_t child);

// While one lives, a signal leaves a second to see interrupted(), to save and to throw
// Interrupted; then it ends the process where it is. Going out of scope otherwise ends it, too.
class Patience {
 public:
  Patience();
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
};
bool interrupted();

// While one lives, the first signal waits until it is gone.
class SaveInProgress {
 public:
  SaveInProgress();
  ~SaveInProgress();
  SaveInProgress(const SaveInProgress&) = delete;
  SaveInProgress& operator=(const SaveInProgress&) = delete;
};

}  // namespace papillon::apps
