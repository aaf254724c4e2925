#include "protocol/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace inro::protocol {
namespace {

using testing::HasSubstr;

TEST(MetricsText, MeminfoLinesBecomeSamples) {
  std::string text;
  AppendMeminfo(
      "MemTotal:        1013832 kB\nMemAvailable:     891872 kB\nActive(anon):  4 kB\n"
      "SReclaimable: 7 kB\nHugePages_Total:       3\nAnonHugePages: 2 kB\nDirectMap4k: 1 kB\n"
      "NFS_Unstable: 1 kB\nnonsense\nBroken: x\n",
      text);
  for (const char* line :
       {"item=\"mem_total\"} 1038163968\n", "item=\"mem_available\"} 913276928\n",
        "item=\"active_anon\"} 4096\n", "item=\"s_reclaimable\"} 7168\n",
        "item=\"hugepages_total\"} 3\n", "item=\"anon_hugepages\"} 2048\n",
        "item=\"direct_map_4k\"} 1024\n", "item=\"nfs_unstable\"} 1024\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(MeminfoKib(text, "mem_available"), 891872u);
  EXPECT_EQ(MeminfoKib(text, "mem_tot"), std::nullopt);
}

TEST(MetricsText, OtherAgentsSamplesAreRead) {
  EXPECT_EQ(
      MeminfoKib("x 1\nkata_guest_meminfo{item=\"mem_available\"} 1.024e+06\n", "mem_available"),
      1000u);
  EXPECT_EQ(MeminfoKib("kata_guest_meminfo{item=\"mem_available\"} many\n", "mem_available"),
            std::nullopt);
}

}  // namespace
}  // namespace inro::protocol
