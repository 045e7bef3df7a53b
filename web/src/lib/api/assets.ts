// Photos and videos over the wire.

import { api, path, type Wire } from './client';

export type Asset = Wire['Asset'];
export type Columns = Wire['BucketColumns'];
export type Visibility = Asset['visibility'];
export type Bucket = Wire['BucketCount'];
export type Changes = Partial<Wire['AssetUpdate']>;
export type Found = { assets: Asset[]; next: number | null };
export type Filters = Wire['MetadataSearch'];
export type Trouble = Wire['Problem'];

/** Which photos a wall shows. */
export type View = { visibility?: Visibility; isFavorite?: boolean; isTrashed?: boolean; withStacked?: boolean; personId?: string };

export const buckets = (view: View, signal?: AbortSignal) => api.get<Bucket[]>('/timeline/buckets', view, signal);
export const bucket = (view: View, timeBucket: string, signal?: AbortSignal) =>
	api.get<Columns>('/timeline/bucket', { ...view, timeBucket }, signal);

export const asset = (id: string, signal?: AbortSignal) => api.get<Asset>(`/assets/${id}`, undefined, signal);
export const change = (id: string, changes: Changes) => api.put<Asset>(`/assets/${id}`, changes);
export const changeMany = (ids: string[], changes: Changes) => api.put('/assets', { ids, ...changes });
export const trash = (ids: string[]) => api.remove('/assets', { ids, force: false });
export const erase = (ids: string[]) => api.remove('/assets', { ids, force: true });
export const restore = (ids: string[]) => api.post<{ count: number }>('/trash/restore/assets', { ids });
export const emptyTrash = () => api.post<{ count: number }>('/trash/empty');
export const restoreAll = () => api.post<{ count: number }>('/trash/restore');

export async function search(filters: Filters, page: number, signal?: AbortSignal): Promise<Found> {
	const answer = await api.post<Wire['SearchAnswer']>('/search/metadata', { ...filters, page, size: 250 }, signal);
	return { assets: answer.assets.items, next: answer.assets.nextPage ? Number(answer.assets.nextPage) : null };
}

export const countOf = (filters: Filters, signal?: AbortSignal) =>
	api.post<{ total: number }>('/search/statistics', filters, signal);

export type Explored = { fieldName: string; items: { value: string; data: Asset }[] };
export const explore = (signal?: AbortSignal) => api.get<Explored[]>('/search/explore', undefined, signal);

export const suggestions = (type: string, more: Record<string, string> = {}) =>
	api.get<(string | null)[]>('/search/suggestions', { type, ...more });

/** `version` (the thumbhash) makes a new address when the picture changes: these answers are cached for long. */
export const thumbnail = (id: string, version: string | null, size: 'thumbnail' | 'preview' | 'fullsize' = 'thumbnail') =>
	path(`/assets/${id}/thumbnail`, { size, c: version });
export const original = (id: string) => path(`/assets/${id}/original`);
export const playback = (id: string, version: string | null) => path(`/assets/${id}/video/playback`, { c: version });

export const troubles = (id: string, signal?: AbortSignal) =>
	api.get<Trouble[]>(`/calotype/assets/${id}/problems`, undefined, signal);
export const retry = (id: string) => api.post(`/calotype/assets/${id}/retry`);

export type Archive = { size: number; assetIds: string[] };
export const archives = (assetIds: string[], archiveSize: number) =>
	api.post<{ totalSize: number; archives: Archive[] }>('/download/info', { assetIds, archiveSize });
export const archive = (assetIds: string[]) => api.postForBlob('/download/archive', { assetIds });
