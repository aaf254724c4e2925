// libapt-pkg, set up on folders of its own. The only part of inro that knows libapt-pkg's types.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/source.h"

namespace inro::image {

// One line of a sources list: the suite SUITE of the archive at URI.
struct ListSource {
  std::string uri;
  std::string suite;
};

struct SessionOptions {
  std::string root;  // folder of lists, caches and settings; made when absent
  std::vector<ListSource> sources;
  std::vector<std::string> components;
  std::string architecture;
  std::string keyring;
  // Settings of libapt-pkg, such as ("Acquire::http::Proxy", "http://proxy:3128").
  std::vector<std::pair<std::string, std::string>> settings;
};

// A file to fetch; `name` is for messages.
struct FetchItem {
  std::string name;
  std::string uri;
  std::string sha256;
  std::uint64_t size = 0;
  std::string destination;
};

// How an update ended when no error was found in what the archive says.
struct UpdateOutcome {
  bool reachable = true;
  std::string problem;  // the transport's words when not reachable
};

// libapt-pkg keeps its configuration in globals: Start replaces it, and what an earlier session
// set up must not be used any more. One thread of the process at a time.
class AptSession {
 public:
  static Result<AptSession> Start(const SessionOptions& options);

  // Fetches Release files and package lists, and checks their signatures and hashes. A suite that
  // is not there is kNotFound; anything wrong with a signature or a hash is kFailed.
  Result<UpdateOutcome> Update(Progress& progress);

  // Solves for `wanted` on an empty system, without Recommends. `known` are further names that
  // must exist. A name that does not exist, or a closure that conflicts, is kBadInput. The whole
  // solution, sorted by name, with depends filled in.
  Result<std::vector<Package>> Solve(const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& known);

  // Downloads all items; each is checked against its hash. Existing destinations are replaced.
  Result<> Fetch(const std::vector<FetchItem>& items, Progress& progress);

 private:
  explicit AptSession(SessionOptions options) : options_(std::move(options)) {}
  SessionOptions options_;
};

}  // namespace inro::image
