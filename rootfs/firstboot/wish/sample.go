package wish

import _ "embed" // the sample

// SampleFile is what the sample is called on the boot partition.
const SampleFile = "branchline.sample.txt"

//go:embed sample.txt
var sample string

// Sample is a branchline.txt with every key, all of them switched off.
func Sample() string { return sample }
