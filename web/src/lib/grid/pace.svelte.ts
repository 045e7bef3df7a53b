// How fast the wall is moving. Tiles born in a fast scroll wait with their picture until it slows down.

class Pace {
	isFast = $state(false);
}

export const pace = new Pace();
