// What happens elsewhere shows here: socket events to walls, and a slow look when there is no socket.

import { activity, health } from '$lib/api/house';
import type { Asset } from '$lib/api/assets';
import { ApiError } from '$lib/api/client';
import { CONNECTED } from '$lib/api/socket';
import { photoOf } from '$lib/grid/photo';
import { clearWalls, eachWall } from '$lib/grid/timeline.svelte';
import { busy } from './busy.svelte';
import { connection } from './connection.svelte';
import { selection } from './selection.svelte';
import { session } from './session.svelte';
import { uploads } from './uploads.svelte';

const FIRST_LOOK_MS = 600;
const LOOK_MS = 20_000;
const BUSY_LOOK_MS = 4_000;

/** Starts listening; the answer stops it. */
export function followLive(): () => void {
	session.onGone = () => {
		clearWalls();
		selection.clear();
	};
	const touch = (asset: unknown) => {
		if (!isAsset(asset)) return eachWall((wall) => wall.refreshSoon());
		eachWall((wall) => wall.refreshSoon([wall.monthKey(photoOf(asset))]));
	};
	const gone = (ids: unknown) => {
		const set = new Set(Array.isArray(ids) ? ids.map(String) : [String(ids)]);
		eachWall((wall) => {
			if (wall.source.name !== 'trash') wall.removePhotos(set);
			wall.refreshSoon();
		});
	};
	const stops = [
		session.live.on(CONNECTED, () => eachWall((wall) => wall.refreshSoon())),
		session.live.on('on_upload_success', touch),
		session.live.on('on_asset_update', touch),
		session.live.on('on_asset_restore', () => eachWall((wall) => wall.refreshSoon())),
		session.live.on('on_asset_trash', gone),
		session.live.on('on_asset_hidden', gone),
		session.live.on('on_asset_delete', (id) => {
			const set = new Set([String(id)]);
			eachWall((wall) => wall.removePhotos(set));
		})
	];
	const arrived = () => eachWall((wall) => wall.refreshSoon([], 2_500));
	uploads.listeners.add(arrived);
	const stopLooking = keepLooking();
	return () => {
		for (const stop of stops) stop();
		uploads.listeners.delete(arrived);
		stopLooking();
	};
}

function isAsset(value: unknown): value is Asset {
	return typeof value === 'object' && value !== null && 'localDateTime' in value && 'id' in value;
}

/** Health and activity, seldom when all is quiet; also our eyes while the socket is down. */
function keepLooking(): () => void {
	let timer: ReturnType<typeof setTimeout> | undefined;
	let isStopped = false;
	const look = async () => {
		if (document.visibilityState === 'visible') {
			await Promise.all([lookAtHealth(), lookAtActivity()]);
			if (!session.isLive) eachWall((wall) => wall.refreshSoon());
		}
		if (isStopped) return;
		const isBusy = busy.processing > 0 || uploads.pending > 0 || connection.away !== null || connection.isOffline;
		timer = setTimeout(look, isBusy ? BUSY_LOOK_MS : LOOK_MS);
	};
	// Not before the first photos are up: nothing here is as urgent.
	timer = setTimeout(look, FIRST_LOOK_MS);
	return () => {
		isStopped = true;
		clearTimeout(timer);
	};
}

async function lookAtHealth() {
	try {
		const { storage } = await health();
		if (storage.state === 'online') connection.storageBack();
		else connection.storageAway(storage.sentence ?? '', storage.retryAfterSeconds ?? null);
	} catch (thrown) {
		// A server without this route says so once; whether it can be reached was noted on the way.
		if (!(thrown instanceof ApiError)) throw thrown;
	}
}

async function lookAtActivity() {
	try {
		const before = busy.processing;
		busy.processing = (await activity()).processing;
		if (before > 0 || busy.processing > 0) eachWall((wall) => wall.refreshSoon());
	} catch (thrown) {
		if (!(thrown instanceof ApiError)) throw thrown;
	}
}
