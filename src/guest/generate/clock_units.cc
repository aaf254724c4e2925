#include "guest/generate/topics.h"
#include "protocol/refclock.h"

namespace inro::guest::generate {

// chrony's reference: the hypervisor's PTP device where the guest has one, else role `clock`, which
// asks the host over vsock.
Result<> WriteClockUnits(const Guest& guest, Output& output) {
  constexpr std::size_t kLongestName = 256;
  const auto name = guest.files.Read(std::string(protocol::kPtpNamePath), kLongestName);
  const bool device =
      name && name->starts_with(protocol::kPtpKvmName) &&
      guest.files.TypeOf(std::string(protocol::kPtpDevice)) == sys::FileSource::Type::kOther;
  return output.WriteRunFile(protocol::kRefclockFile,
                             device ? protocol::kPhcRefclock : protocol::kSockRefclock);
}

}  // namespace inro::guest::generate
