// One box for everything, and photos that look like another.

import { api, path, type Wire } from './client';
import type { Asset, Filters } from './assets';

/** What narrows a search beside its words. */
export type Narrowing = Omit<Filters, 'order' | 'description' | 'originalFileName' | 'ocr' | 'withExif'>;
export type Reason = Wire['Reason'];
export type Understood = Wire['Understood'];
export type Answer = Wire['EverythingAnswer'];
export type Ranked = { hits: { asset: Asset; reasons: Reason[] }[]; hasMore: boolean; understood: Understood[]; meaning: Answer['meaning'] };
type Part = { page: number; size: number };

export async function everything(query: string, narrowing: Narrowing, part: Part, signal?: AbortSignal): Promise<Ranked> {
	const language = typeof navigator === 'undefined' ? undefined : navigator.language;
	const answer = await api.post<Answer>('/calotype/search', { ...narrowing, ...part, query, language }, signal);
	return { hits: answer.items, hasMore: answer.nextPage !== null, understood: answer.understood, meaning: answer.meaning };
}

/** The nearest in looks to a photo; with words, what is near both. The photo itself comes first and is left out. */
export async function alike(queryAssetId: string, query: string, narrowing: Narrowing, part: Part, signal?: AbortSignal): Promise<Ranked> {
	const answer = await api.post<Wire['SearchAnswer']>('/search/smart', { ...narrowing, ...part, queryAssetId, ...(query && { query }) }, signal);
	const reasons: Reason[] = [{ kind: 'meaning', text: query }];
	const hits = answer.assets.items.filter((asset) => asset.id !== queryAssetId).map((asset) => ({ asset, reasons }));
	return { hits, hasMore: answer.assets.nextPage !== null, understood: [], meaning: 'on' };
}

export const suggested = (query: string, signal?: AbortSignal) => api.get<Understood[]>('/calotype/search/suggestions', { query }, signal);
export const face = (person: string) => path(`/people/${person}/thumbnail`);
