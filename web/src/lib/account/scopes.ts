// What a key may do, in three plain choices.

const UPLOAD = ['asset.upload', 'asset.read', 'asset.statistics', 'user.read', 'server.about', 'server.storage', 'album.create', 'album.read', 'albumAsset.create'];
const READ = ['asset.read', 'asset.view', 'asset.download', 'asset.statistics', 'album.read', 'archive.read', 'timeline.read', 'map.read', 'user.read', 'server.about'];

export const SCOPES = { upload: UPLOAD, read: READ, all: ['all'] } as const satisfies Record<string, readonly string[]>;
export type ScopeName = keyof typeof SCOPES;
