// The upload queue: hash, ask, send. Survives navigation because it belongs to no page, and a reload through `kept`.

import { api, reason } from '$lib/api/client';
import { mediaTypes } from '$lib/api/house';
import { fromTransfer, paired, type Gathered, type Pair } from '$lib/upload/gather';
import { sha1Of } from '$lib/upload/hashing';
import * as kept from '$lib/upload/kept';
import { send, SendError } from '$lib/upload/send';
import { Speed } from '$lib/upload/speed';
import { toasts } from './toasts.svelte';
import { t } from '$lib/text/t';

export type Stage = 'waiting' | 'hashing' | 'checking' | 'ready' | 'sending' | 'done' | 'duplicate' | 'failed' | 'pausing';

export class Upload {
	stage = $state<Stage>('waiting');
	/** Bytes sent, or hashed while hashing. */
	done = $state(0);
	problem = $state<string | null>(null);
	assetId = $state<string | null>(null);
	isTrashed = $state(false);
	hash = '';
	abort = new AbortController();

	constructor(readonly file: File, readonly sidecar: File | null) {}
}

const PARALLEL = 4;
const CHECK_BATCH = 200;
const PASSING_WAIT_MS = 10_000;

class Uploads {
	all = $state.raw<Upload[]>([]);
	isOpen = $state(false);
	/** What another app shared: sent when a person says so, because any page can make a browser share. */
	shared = $state.raw<kept.Kept[]>([]);
	/** What was under way when the page was last closed. */
	leftOver = $state.raw<kept.Kept[]>([]);
	readonly speed = new Speed();
	/** Told whenever a file has arrived. */
	readonly listeners = new Set<() => void>();
	private sending = 0;
	private isHashing = false;
	private accepted = new Set<string>();
	private wake: WakeLockSentinel | null = null;

	readonly total = $derived(this.all.reduce((sum, upload) => sum + upload.file.size, 0));
	readonly pending = $derived(this.all.filter((upload) => !isOver(upload.stage)).length);
	readonly failed = $derived(this.all.filter((upload) => upload.stage === 'failed'));
	readonly duplicates = $derived(this.all.filter((upload) => upload.stage === 'duplicate').length);
	readonly doneBytes = $derived(this.all.reduce((sum, upload) => sum + shareOf(upload), 0));
	readonly secondsLeft = $derived(this.speed.perSecond > 0 ? (this.total - this.doneBytes) / this.speed.perSecond : null);

	async addTransfer(transfer: DataTransfer) {
		this.add(await fromTransfer(transfer));
	}

	addFiles(files: Iterable<File>) {
		this.add([...files].map((file) => ({ file, handle: null })));
	}

	async add(gathered: Gathered[]) {
		if (gathered.length === 0) return;
		if (this.accepted.size === 0) await this.learnTypes();
		const { pairs, refused } = paired(gathered, this.accepted);
		if (refused.length > 0) toasts.problem(t('upload_refused', { n: refused.length, name: refused[0] ?? '' }));
		const known = new Set(this.all.filter((upload) => upload.stage !== 'failed').map((upload) => kept.keyOf(upload.file)));
		const fresh = pairs.filter((pair) => !known.has(kept.keyOf(pair.file)));
		if (fresh.length === 0) return;
		this.enqueue(fresh);
		await kept.keep(fresh);
	}

	/** Looks for what a closed page left behind. Copies go on by themselves; handles need a click. */
	async recover() {
		const found = await kept.all();
		this.shared = found.filter((each) => each.isShared);
		this.leftOver = found.filter((each) => !each.isShared);
		const copies = this.leftOver.filter((each) => each.file);
		if (copies.length > 0) await this.resume(copies);
	}

	async resume(some: kept.Kept[] = this.leftOver) {
		const files: Gathered[] = [];
		const lost: kept.Kept[] = [];
		for (const each of some) {
			const file = await kept.reopen(each);
			if (file) files.push({ file, handle: each.handle });
			else lost.push(each);
		}
		const resumed = new Set(files.map(({ file }) => kept.keyOf(file)));
		this.leftOver = this.leftOver.filter((each) => !resumed.has(each.key));
		await this.add(files);
	}

	async takeShared() {
		const files = this.shared.flatMap(({ file }) => (file ? [{ file, handle: null }] : []));
		await this.forgetShared();
		await this.add(files);
	}

	async forgetShared() {
		await kept.drop(this.shared.map((each) => each.key));
		this.shared = [];
	}

	async forgetLeftOver() {
		await kept.drop(this.leftOver.map((each) => each.key));
		this.leftOver = [];
	}

	retry(upload: Upload) {
		upload.problem = null;
		upload.abort = new AbortController();
		upload.stage = upload.hash ? 'ready' : 'waiting';
		this.work();
	}

	cancel(upload: Upload) {
		upload.abort.abort();
		void kept.drop([kept.keyOf(upload.file)]);
		this.all = this.all.filter((each) => each !== upload);
	}

	clearFinished() {
		this.all = this.all.filter((upload) => !isOver(upload.stage));
		if (this.all.length === 0) this.isOpen = false;
	}

	private async learnTypes() {
		try {
			const types = await mediaTypes();
			this.accepted = new Set([...types.image, ...types.video].map((each) => each.toLowerCase()));
		} catch {
			// Without the list the server itself decides, file by file.
		}
	}

	private enqueue(pairs: Pair[]) {
		if (this.pending === 0) this.speed.reset();
		this.all = [...this.all, ...pairs.map((pair) => new Upload(pair.file, pair.sidecar))];
		this.isOpen = true;
		this.leftOver = this.leftOver.filter((each) => !pairs.some((pair) => kept.keyOf(pair.file) === each.key));
		this.work();
	}

	private work() {
		void this.stayAwake();
		void this.hashNext();
		this.sendNext();
	}

	private async hashNext() {
		if (this.isHashing) return;
		this.isHashing = true;
		let batch: Upload[] = [];
		try {
			for (;;) {
				const upload = this.all.find((each) => each.stage === 'waiting');
				if (!upload) break;
				upload.stage = 'hashing';
				try {
					upload.hash = await sha1Of(upload.file, (share) => (upload.done = share * upload.file.size));
					upload.done = 0;
					upload.stage = 'checking';
					batch.push(upload);
				} catch (thrown) {
					this.fail(upload, t('upload_unreadable', { reason: reason(thrown) }));
				}
				// Nothing to send yet: ask at once. Later, ask for many together.
				if (batch.length >= CHECK_BATCH || this.sending < PARALLEL) {
					const asked = batch;
					batch = [];
					await this.check(asked);
				}
			}
			await this.check(batch);
		} finally {
			this.isHashing = false;
		}
		if (this.all.some((each) => each.stage === 'waiting')) void this.hashNext();
	}

	/** Asks which of these the server has already, so that they need not travel. */
	private async check(batch: Upload[]) {
		if (batch.length === 0) return;
		try {
			const body = { assets: batch.map((upload, i) => ({ id: String(i), checksum: upload.hash })) };
			type Verdict = { id: string; action: string; assetId?: string; isTrashed?: boolean };
			const { results } = await api.post<{ results: Verdict[] }>('/assets/bulk-upload-check', body);
			for (const verdict of results) {
				const upload = batch[Number(verdict.id)];
				if (upload && verdict.action === 'reject') this.finish(upload, verdict.assetId ?? null, true, verdict.isTrashed ?? false);
			}
		} catch {
			// The upload itself is answered "duplicate" as well; asking first only saves the way.
		}
		for (const upload of batch) if (upload.stage === 'checking') upload.stage = 'ready';
		this.sendNext();
	}

	private sendNext() {
		while (this.sending < PARALLEL) {
			const upload = this.all.find((each) => each.stage === 'ready');
			if (!upload) return;
			this.sending++;
			void this.sendOne(upload).finally(() => {
				this.sending--;
				this.sendNext();
			});
		}
	}

	private async sendOne(upload: Upload) {
		upload.stage = 'sending';
		upload.problem = null;
		let before = 0;
		try {
			const progress = (bytes: number) => {
				this.speed.moved(bytes - before);
				before = bytes;
				upload.done = Math.min(bytes, upload.file.size);
			};
			const { hash, sidecar } = upload;
			const sent = await send(upload.file, { hash, sidecar, progress, signal: upload.abort.signal });
			this.finish(upload, sent.id, sent.isDuplicate, false);
		} catch (thrown) {
			if (upload.abort.signal.aborted) return;
			if (thrown instanceof SendError && thrown.isPassing) return this.waitAndRetry(upload, thrown);
			this.fail(upload, reason(thrown));
		}
	}

	private waitAndRetry(upload: Upload, problem: SendError) {
		upload.stage = 'pausing';
		upload.done = 0;
		upload.problem = problem.message;
		setTimeout(
			() => {
				if (upload.stage !== 'pausing' || upload.abort.signal.aborted) return;
				upload.stage = 'ready';
				this.sendNext();
			},
			problem.retryAfterSeconds ? problem.retryAfterSeconds * 1000 : PASSING_WAIT_MS
		);
	}

	private finish(upload: Upload, assetId: string | null, isDuplicate: boolean, isTrashed: boolean) {
		upload.assetId = assetId;
		upload.isTrashed = isTrashed;
		upload.done = upload.file.size;
		upload.stage = isDuplicate ? 'duplicate' : 'done';
		void kept.drop([kept.keyOf(upload.file)]);
		for (const listener of this.listeners) listener();
		if (this.pending === 0) void this.wake?.release();
	}

	private fail(upload: Upload, problem: string) {
		upload.problem = problem;
		upload.done = 0;
		upload.stage = 'failed';
		void kept.drop([kept.keyOf(upload.file)]);
	}

	/** Phones stop the network soon after the screen goes dark. */
	private async stayAwake() {
		if (this.wake && !this.wake.released) return;
		this.wake = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
	}
}

export const isOver = (stage: Stage): boolean => stage === 'done' || stage === 'duplicate' || stage === 'failed';

function shareOf(upload: Upload): number {
	if (isOver(upload.stage)) return upload.file.size;
	return upload.stage === 'sending' ? upload.done : 0;
}

export const uploads = new Uploads();
