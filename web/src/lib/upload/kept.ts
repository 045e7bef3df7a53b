// Uploads that outlive the page: what is still to be sent, in IndexedDB. A file handle where the browser gives
// one, a copy of small files where not, and else the name, so that we can say what to drop again.

export type Kept = {
	key: string;
	name: string;
	size: number;
	handle: FileSystemFileHandle | null;
	file: File | null;
	/** Another app gave it; a person has still to say yes. */
	isShared?: boolean;
};

/** Copies cost disk; beyond this a name has to do. */
const COPY_BYTES = 32 * 1024 * 1024;
const ALL_COPIES_BYTES = 512 * 1024 * 1024;

let copied = 0;

function open(): Promise<IDBDatabase> {
	return new Promise((done, fail) => {
		const request = indexedDB.open('calotype-uploads', 1);
		request.onupgradeneeded = () => request.result.createObjectStore('kept', { keyPath: 'key' });
		request.onsuccess = () => done(request.result);
		request.onerror = () => fail(request.error ?? new Error('IndexedDB is not available.'));
	});
}

async function within<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T> | void): Promise<T | undefined> {
	try {
		const database = await open();
		return await new Promise((done, fail) => {
			const transaction = database.transaction('kept', mode);
			const request = act(transaction.objectStore('kept'));
			transaction.oncomplete = () => {
				database.close();
				done(request?.result);
			};
			transaction.onerror = () => fail(transaction.error ?? new Error('IndexedDB refused.'));
		});
	} catch {
		// A private window without storage uploads all the same; it only forgets on reload.
		return undefined;
	}
}

export const keyOf = (file: File) => `${file.name}:${file.size}:${file.lastModified}`;

export async function keep(files: readonly { file: File; handle: FileSystemFileHandle | null }[]): Promise<void> {
	await within('readwrite', (store) => {
		for (const { file, handle } of files) {
			const copies = !handle && file.size <= COPY_BYTES && copied + file.size <= ALL_COPIES_BYTES;
			if (copies) copied += file.size;
			store.put({ key: keyOf(file), name: file.name, size: file.size, handle, file: copies ? file : null } satisfies Kept);
		}
	});
}

/** What another app shared, whole and whatever its size: it cannot be asked for again. Throws when there is no room. */
export async function share(files: readonly File[]): Promise<void> {
	const database = await open();
	await new Promise<void>((done, fail) => {
		const transaction = database.transaction('kept', 'readwrite');
		for (const file of files)
			transaction.objectStore('kept').put({ key: keyOf(file), name: file.name, size: file.size, handle: null, file, isShared: true } satisfies Kept);
		transaction.oncomplete = () => done();
		transaction.onabort = () => fail(transaction.error ?? new Error('IndexedDB refused.'));
	});
	database.close();
}

export async function drop(keys: readonly string[]): Promise<void> {
	await within('readwrite', (store) => {
		for (const key of keys) store.delete(key);
	});
}

export async function forgetAll(): Promise<void> {
	await within('readwrite', (store) => store.clear());
}

export async function all(): Promise<Kept[]> {
	return (await within<Kept[]>('readonly', (store) => store.getAll() as IDBRequest<Kept[]>)) ?? [];
}

type Asking = FileSystemFileHandle & {
	queryPermission?: (what: { mode: 'read' }) => Promise<PermissionState>;
	requestPermission?: (what: { mode: 'read' }) => Promise<PermissionState>;
};

/** The file again, if this browser still lets us; must run inside a click for handles. */
export async function reopen(kept: Kept): Promise<File | null> {
	if (kept.file) return kept.file;
	const handle = kept.handle as Asking | null;
	if (!handle) return null;
	try {
		const state = (await handle.queryPermission?.({ mode: 'read' })) ?? 'granted';
		if (state !== 'granted' && (await handle.requestPermission?.({ mode: 'read' })) !== 'granted') return null;
		return await handle.getFile();
	} catch {
		return null;
	}
}
