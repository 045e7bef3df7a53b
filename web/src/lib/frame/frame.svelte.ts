// What of the frame is open.

class Frame {
	showsHelp = $state(false);
	showsPalette = $state(false);
	/** Put by the wall on screen, for the selection bar. */
	wall = $state<string>('photos');
	/** Where the tile stood that is being opened; taken by the viewer. */
	origin: DOMRect | null = null;
}

export const frame = new Frame();
