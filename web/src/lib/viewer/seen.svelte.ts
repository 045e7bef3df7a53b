// What was seen in the photo being looked at: faces and words. Asked for only when somebody wants to know.

import { isAbort, reason } from '$lib/api/client';
import * as api from '$lib/api/people';
import type { Face, Line, Person } from '$lib/api/people';
import { join } from '$lib/people/people.svelte';
import { t } from '$lib/text/t';
import { confirmed } from '$lib/ui/confirm.svelte';
import { toasts } from '$lib/state/toasts.svelte';

/** A rectangle drawn over the picture, as shares of it. */
export type Box = { x: number; y: number; width: number; height: number };

export class SeenThings {
	faces = $state.raw<Face[]>([]);
	lines = $state.raw<Line[]>([]);
	/** The face a chip or a box is being pointed at. */
	pointed = $state<string | null>(null);
	/** The face being named; a box that was just drawn is one too. */
	naming = $state.raw<Face | Box | null>(null);
	isDrawing = $state(false);
	private asset: string | null = null;
	private asking: AbortController | null = null;

	async show(asset: string): Promise<void> {
		this.asking?.abort();
		const asking = (this.asking = new AbortController());
		if (this.asset !== asset) {
			this.asset = asset;
			this.faces = [];
			this.lines = [];
			this.naming = this.pointed = null;
			this.isDrawing = false;
		}
		try {
			[this.faces, this.lines] = await Promise.all([api.faces(asset, asking.signal), api.lines(asset, asking.signal)]);
		} catch (thrown) {
			// The photo itself is what people came for; what was seen in it is extra.
			if (!isAbort(thrown)) this.faces = [];
		}
	}

	/** Gives the face being named to somebody known, or to somebody new. */
	async name(who: Person | string): Promise<void> {
		const face = this.naming;
		this.naming = null;
		if (!face) return;
		const nameless = 'id' in face && face.person && !face.person.name ? face.person : null;
		await this.safely(async () => {
			// Somebody seen before without a name has one now, in all their photos.
			if (nameless && typeof who === 'string') return api.changePerson(nameless.id, { name: who });
			const person = typeof who === 'string' ? await api.createPerson(who) : who;
			if (nameless && (await areAll(nameless, person))) await join(person, [nameless]);
			else if ('id' in face) await api.giveFace(face.id, person.id);
			else if (this.asset) await api.drawFace({ assetId: this.asset, personId: person.id, ...inPixels(face) });
		});
	}

	async remove(face: Face): Promise<void> {
		this.naming = null;
		if (await confirmed(t('face_remove_sure'), t('face_remove'))) await this.safely(() => api.removeFace(face.id));
	}

	close() {
		this.asking?.abort();
	}

	private async safely(act: () => Promise<unknown>) {
		try {
			await act();
		} catch (thrown) {
			toasts.problem(reason(thrown));
		}
		if (this.asset) await this.show(this.asset);
	}
}

/** Whether every photo of somebody nameless shows this person, and not only the one being looked at. */
async function areAll(nameless: Person, person: Person): Promise<boolean> {
	const { assets: n } = await api.photosOf(nameless.id);
	return n > 1 && confirmed(t('face_all', { n, name: person.name }), t('person_merge'), { other: t('face_only') });
}

/** Faces are kept in whole pixels of some picture; one of ten thousand a side loses nothing. */
const FINE = 10_000;
const inPixels = (box: Box) => ({
	imageWidth: FINE,
	imageHeight: FINE,
	x: Math.round(box.x * FINE),
	y: Math.round(box.y * FINE),
	width: Math.max(1, Math.round(box.width * FINE)),
	height: Math.max(1, Math.round(box.height * FINE))
});

export const boxOf = (face: Face): Box => ({
	x: face.boundingBoxX1 / face.imageWidth,
	y: face.boundingBoxY1 / face.imageHeight,
	width: (face.boundingBoxX2 - face.boundingBoxX1) / face.imageWidth,
	height: (face.boundingBoxY2 - face.boundingBoxY1) / face.imageHeight
});
