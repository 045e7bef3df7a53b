// Files out of whatever a person dropped, pasted or picked: folders are walked, sidecars joined to their photos.

export type Gathered = { file: File; handle: FileSystemFileHandle | null };

type WithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/** Must be called inside the event: the transfer is emptied when the handler returns. */
export async function fromTransfer(transfer: DataTransfer): Promise<Gathered[]> {
	const items = [...transfer.items].filter((item) => item.kind === 'file') as WithHandle[];
	// All promises are asked for before the first is awaited, for the same reason.
	const asked = items.map((item) => ({
		handle: item.getAsFileSystemHandle?.() ?? null,
		entry: item.webkitGetAsEntry(),
		file: item.getAsFile()
	}));
	const found: Gathered[] = [];
	for (const { handle, entry, file } of asked) {
		const held = await handle?.catch(() => null);
		if (held) await walkHandle(held, found);
		else if (entry) await walkEntry(entry, found);
		else if (file) found.push({ file, handle: null });
	}
	return found;
}

async function walkHandle(handle: FileSystemHandle, found: Gathered[]): Promise<void> {
	if (handle.kind === 'file') {
		const fileHandle = handle as FileSystemFileHandle;
		found.push({ file: await fileHandle.getFile(), handle: fileHandle });
		return;
	}
	const folder = handle as FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };
	for await (const child of folder.values()) if (!child.name.startsWith('.')) await walkHandle(child, found);
}

async function walkEntry(entry: FileSystemEntry, found: Gathered[]): Promise<void> {
	if (entry.name.startsWith('.')) return;
	if (entry.isFile) {
		const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
		found.push({ file, handle: null });
		return;
	}
	const reader = (entry as FileSystemDirectoryEntry).createReader();
	for (;;) {
		// A reader hands out at most 100 entries a call, and an empty list at the end.
		const batch = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
		if (batch.length === 0) return;
		for (const child of batch) await walkEntry(child, found);
	}
}

export type Pair = Gathered & { sidecar: File | null };

const extension = (name: string) => name.slice(name.lastIndexOf('.')).toLowerCase();

/** Photos and videos with the `.xmp` beside them (`IMG.jpg.xmp` or `IMG.xmp`); other files come back by name. */
export function paired(files: readonly Gathered[], accepted: ReadonlySet<string>): { pairs: Pair[]; refused: string[] } {
	const sidecars = new Map<string, File>();
	for (const { file } of files) if (extension(file.name) === '.xmp') sidecars.set(file.name.slice(0, -4).toLowerCase(), file);
	const pairs: Pair[] = [];
	const refused: string[] = [];
	for (const gathered of files) {
		const name = gathered.file.name.toLowerCase();
		if (extension(name) === '.xmp') continue;
		if (accepted.size > 0 && !accepted.has(extension(name))) refused.push(gathered.file.name);
		else pairs.push({ ...gathered, sidecar: sidecars.get(name) ?? sidecars.get(name.slice(0, name.lastIndexOf('.'))) ?? null });
	}
	return { pairs, refused };
}
