// How many of our photos the server is still working on.

class Busy {
	processing = $state(0);
}

export const busy = new Busy();
