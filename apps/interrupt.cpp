#include "papillon/apps/interrupt.hpp"

#include <unistd.h>
#include <csignal>

namespace papillon::apps {
namespace {

volatile std::sig_atomic_t watching = 0;
volatile std::sig_atomic_t flagged = 0;

extern "C" void on_signal(int) {
  if (!watching || flagged) _exit(exit_interrupted);
  flagged = 1;
}

}  // namespace

void watch_for_interrupts() {
  watching = 1;
}

bool interrupted() {
  return flagged != 0;
}

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader that goes away (papillon ... | head) or a gnuplot that dies is an error of that write.
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace papillon::apps
