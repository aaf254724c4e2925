#include "cli.h"
#include "vmm/guest/supervisor.h"

int main(int argc, char** argv) {
  // A supervisor of a guest is this program, executed again.
  if (const auto status = inro::vmm::MaybeSupervise(argc, argv)) return *status;
  return inro::cli::RunCli(argc, argv);
}
