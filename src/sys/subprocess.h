// Runs a program to its end and collects what it prints. For the host side and tests.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace inro::sys {

struct RunOptions {
  std::string stdin_bytes;                     // fed to the program's standard input
  std::string working_directory;               // empty: the caller's
  std::vector<std::string> environment;        // NAME=VALUE added to the caller's environment
  std::chrono::milliseconds timeout{600'000};  // then SIGKILL, and an error of kind kTimeout
};

struct RunOutput {
  int status = 0;  // exit code, or 128 + signal
  std::string out;
  std::string err;
};

// `argv[0]` is looked up in PATH. The child is killed if the caller's thread dies. An error only
// when the program could not be run or did not end in time; a non-zero status is not an error.
Result<RunOutput> Run(const std::vector<std::string>& argv, const RunOptions& options = {});

// The same, and a non-zero status is an error that carries the last lines of standard error.
Result<std::string> RunOrFail(const std::vector<std::string>& argv, const RunOptions& options = {});

}  // namespace inro::sys
