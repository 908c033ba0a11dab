"""Makes Ctrl-C end one of our commands in a line while the rest is imported; runs first."""

from stdnet_arch.utils.interrupts import end_quietly_while_loading

end_quietly_while_loading()
