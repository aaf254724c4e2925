// Copies of files and trees between host and guest, from the host's side.
//
// Where a copy goes is as for cp -r: into the folder DESTINATION when there is one (under the
// source's name), else to the name DESTINATION, whose folder must exist; "SOURCE/." is what is in
// the folder. Files appear whole or not at all. Several pieces are under way at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "wire/client.h"

namespace inro::vmm {

struct CopyOptions {
  bool archive = false;  // owners, set-id bits, extended attributes, device nodes
  // Bytes done, and of how many (0: not known). Called now and then, on the caller's thread.
  std::function<void(std::uint64_t, std::uint64_t)> progress = {};
};

struct CopySum {
  std::uint64_t files = 0;  // and links, folders, nodes
  std::uint64_t bytes = 0;  // of data that were moved; holes are not
  std::string destination;  // what the source has become
};

// Paths of the guest are absolute. The client must be used for nothing else meanwhile.
Result<CopySum> CopyToGuest(wire::Client& client, const std::string& source,
                            const std::string& destination, const CopyOptions& options);
Result<CopySum> CopyFromGuest(wire::Client& client, const std::string& source,
                              const std::string& destination, const CopyOptions& options);

// What `source` becomes at `destination`, of which `exists_as_folder` tells; see above. An error
// when the destination must be a folder (it ends in '/') and is none.
Result<std::string> CopyTarget(const std::string& source, const std::string& destination,
                               bool exists_as_folder);

}  // namespace inro::vmm
