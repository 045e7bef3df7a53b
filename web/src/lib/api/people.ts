// People and their faces, and the words read in pictures.

import { api, path, type Wire } from './client';

export type Person = Wire['Person'];
/** A box in the pixels of the picture that was looked at: `imageWidth` × `imageHeight`. */
export type Face = Wire['Face'];
/** A line of text; corners as shares of the picture, clockwise from the top left. */
export type Line = Wire['TextLine'];
export type PersonChanges = Wire['PersonUpdate'];
export type PeoplePage = Wire['calotype__wire__people__People'];
export type Outcome = Wire['Bulk'];

export const people = (page: number, withHidden: boolean, signal?: AbortSignal) =>
	api.get<PeoplePage>('/people', { page, size: 500, withHidden }, signal);
export const person = (id: string, signal?: AbortSignal) => api.get<Person>(`/people/${id}`, undefined, signal);
export const createPerson = (name: string) => api.post<Person>('/people', { name });
export const changePerson = (id: string, changes: PersonChanges) => api.put<Person>(`/people/${id}`, changes);
/** Those who could not be changed are told as failed. */
export const changePeople = (ids: string[], changes: PersonChanges) =>
	api.put<Outcome[]>('/people', { people: ids.map((id) => ({ id, ...changes })) });
export const photosOf = (id: string) => api.get<Wire['calotype__wire__people__Statistics']>(`/people/${id}/statistics`);
/** The people in `ids` become this one. */
export const mergeInto = (id: string, ids: string[]) => api.post<Outcome[]>(`/people/${id}/merge`, { ids });
/** The faces of `from` in these photos become `to`'s. */
export const reassign = (to: string, from: string, assetIds: string[]) =>
	api.put<Person[]>(`/people/${to}/reassign`, { data: assetIds.map((assetId) => ({ assetId, personId: from })) });
export const peopleCalled = (name: string, signal?: AbortSignal) =>
	api.get<Person[]>('/search/person', { name, withHidden: true }, signal);
/** A new address whenever the person changes: the picture may have. */
export const portrait = (who: Person) => path(`/people/${who.id}/thumbnail`, { updatedAt: who.updatedAt });

export const faces = (asset: string, signal?: AbortSignal) => api.get<Face[]>('/faces', { id: asset }, signal);
export const giveFace = (face: string, to: string) => api.put<Person>(`/faces/${to}`, { id: face });
export const removeFace = (face: string) => api.remove(`/faces/${face}`, { force: false });
export const drawFace = (face: Wire['FaceCreate']) =>
	api.post('/faces', face);

export const lines = (asset: string, signal?: AbortSignal) => api.get<Line[]>(`/assets/${asset}/ocr`, undefined, signal);
