// A walk with @immich/sdk: it throws when an answer is not what it was promised.
// Variables: URL (…/api), EMAIL, PASSWORD, PHOTO (a path).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as api from '@immich/sdk';

const { URL: baseUrl, EMAIL: email, PASSWORD: password, PHOTO: path } = process.env;
const until = async (question) => {
  for (let tries = 0; tries < 240; tries += 1) {
    const answer = await question();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`never: ${question}`);
};

// Before signing in.
api.init({ baseUrl, apiKey: '' });
assert.equal((await api.pingServer()).res, 'pong');
assert.deepEqual(await api.getServerVersion(), { major: 3, minor: 2, patch: 2, prerelease: null });
assert.equal((await api.getServerConfig()).isInitialized, true);
assert.equal((await api.getServerFeatures()).passwordLogin, true);

// Sign in; use a key from then on.
const session = await api.login({ loginCredentialDto: { email, password } });
assert.equal(session.userEmail, email);
const bearer = { headers: { Authorization: `Bearer ${session.accessToken}` } };
const made = await api.createApiKey({ apiKeyCreateDto: { name: 'sdk', permissions: [api.Permission.All] } }, bearer);
api.init({ baseUrl, apiKey: made.secret });
assert.equal((await api.getMyApiKey()).id, made.apiKey.id);
assert.equal((await api.getMyUser()).email, email);
assert.equal((await api.validateAccessToken()).authStatus, true);
assert.equal((await api.getMyPreferences()).memories.enabled, true);

// Upload, and upload again.
const bytes = await readFile(path);
const checksum = createHash('sha1').update(bytes).digest('base64');
const fields = () => ({
  assetData: new File([bytes], 'walk.jpg'),
  fileCreatedAt: '2021-07-08T09:10:11.000Z',
  fileModifiedAt: '2021-07-08T09:10:11.000Z',
  filename: 'walk.jpg',
});
const check = { assetBulkUploadCheckDto: { assets: [{ id: 'mine', checksum }] } };
assert.equal((await api.checkBulkUpload(check)).results[0].action, 'accept');
const sent = await api.uploadAsset({ assetMediaCreateDto: fields() });
assert.equal(sent.status, api.AssetMediaStatus.Created);
for (let times = 0; times < 3; times += 1) {
  // Answered before the body is read, and still no broken pipe.
  const again = await api.uploadAsset({ assetMediaCreateDto: fields(), xImmichChecksum: checksum });
  assert.deepEqual(again, { id: sent.id, status: api.AssetMediaStatus.Duplicate });
}
const verdict = (await api.checkBulkUpload(check)).results[0];
assert.deepEqual([verdict.action, verdict.assetId, verdict.isTrashed], ['reject', sent.id, false]);

// It is processed and shown.
const id = sent.id;
const asset = await until(async () => {
  const shown = await api.getAssetInfo({ id });
  return shown.thumbhash && shown.exifInfo?.exifImageWidth ? shown : undefined;
});
assert.equal(asset.checksum, checksum);
assert.equal(asset.originalFileName, 'walk.jpg');
assert.equal(asset.exifInfo.fileSizeInByte, bytes.length);
const thumbnail = await api.viewAsset({ id, size: api.AssetMediaSize.Thumbnail });
assert.equal(thumbnail.type, 'image/webp');
assert.equal((await api.viewAsset({ id, size: api.AssetMediaSize.Preview })).type, 'image/jpeg');
assert.equal((await api.downloadAsset({ id })).size, bytes.length);

// The timeline and searches find it.
const buckets = await api.getTimeBuckets({});
assert.deepEqual(buckets, [{ timeBucket: '2021-07-01', count: 1 }]);
const bucket = await api.getTimeBucket({ timeBucket: buckets[0].timeBucket });
assert.deepEqual(bucket.id, [id]);
const page = (await api.searchAssets({ metadataSearchDto: { originalFileName: 'walk', withExif: true } })).assets;
assert.deepEqual([page.items.length, page.items[0].id, page.nextPage], [1, id, null]);
assert.equal((await api.searchAssetStatistics({ statisticsSearchDto: {} })).total, 1);
assert.equal((await api.searchRandom({ randomSearchDto: { size: 5 } })).length, 1);

const sorted = { orderBy: { field: api.SearchOrderField.Rating }, filter: { originalFileName: { endsWith: 'K.JPG' } } };
const sole = (await api.searchAssets({ metadataSearchDto: { ...sorted, size: 1 } })).assets;
assert.deepEqual([sole.count, sole.nextCursor], [1, null]);
assert.equal((await api.searchLargeAssets({ isFavorite: false, minFileSize: bytes.length - 1 })).length, 1);
assert.deepEqual(await api.getSearchSuggestions({ $type: api.SearchSuggestionType.City, includeNull: true }), [null]);
assert.deepEqual((await api.getExploreData()).map((group) => group.fieldName), ['exifInfo.city', 'createdAt']);
assert.deepEqual(await api.getAssetDuplicates(), []);

// People, and the faces that somebody draws.
const ann = await api.createPerson({ personCreateDto: { name: 'Ann', birthDate: '1990-05-06', color: '#abc' } });
const nameless = await api.createPerson({ personCreateDto: {} });
assert.deepEqual([ann.name, ann.birthDate, ann.color, nameless.name], ['Ann', '1990-05-06', '#abc', '']);
assert.equal((await api.getAllPeople({ withHidden: true })).total, 0);
const box = { imageWidth: 100, imageHeight: 100, x: 10, y: 10, width: 40, height: 40 };
await api.createFace({ assetFaceCreateDto: { assetId: id, personId: nameless.id, ...box } });
const [face] = await api.getFaces({ id });
assert.deepEqual([face.sourceType, face.person.id, face.boundingBoxX2], [api.SourceType.Manual, nameless.id, 50]);
assert.equal((await api.reassignFacesById({ id: ann.id, faceDto: { id: face.id } })).id, ann.id);
assert.deepEqual((await api.getAllPeople({ size: 1 })).people.map((person) => person.id), [ann.id]);
assert.equal((await api.getPersonStatistics({ id: ann.id })).assets, 1);
const known = (await api.searchAssets({ metadataSearchDto: { personIds: [ann.id], withPeople: true } })).assets.items;
assert.deepEqual(known.map((each) => each.people[0].name), ['Ann']);
const merged = await api.mergePeople({ mergePersonDto: { ids: [ann.id, nameless.id] } });
assert.deepEqual(merged, [{ id: nameless.id, success: true }]);
const changes = { peopleUpdateDto: { people: [{ id: ann.id, isFavorite: true }] } };
assert.deepEqual(await api.updatePeople(changes), [{ id: ann.id, success: true }]);
const portrait = await until(() => api.getPersonThumbnail({ id: ann.id }).catch(() => undefined));
assert.equal(portrait.type, 'image/jpeg');
assert.deepEqual((await api.searchPerson({ name: 'an' })).map((person) => person.name), ['Ann']);
await api.deleteFace({ id: face.id, assetFaceDeleteDto: { force: true } });
await api.deletePeople({ bulkIdsDto: { ids: [ann.id] } });
assert.deepEqual(await api.getFaces({ id }), []);

// Changes.
const favourite = await api.updateAsset({ id, updateAssetDto: { isFavorite: true, description: 'By the sea' } });
assert.equal(favourite.isFavorite, true);
assert.equal((await api.getAssetStatistics({ isFavorite: true })).total, 1);
const info = await api.getDownloadInfo({ downloadInfoDto: { assetIds: [id] } });
assert.deepEqual(info.archives[0].assetIds, [id]);

// Trash and back.
await api.deleteAssets({ assetBulkDeleteDto: { ids: [id] } });
assert.equal((await api.getAssetInfo({ id })).isTrashed, true);
assert.deepEqual(await api.getTimeBuckets({}), []);
assert.equal((await api.restoreAssets({ bulkIdsDto: { ids: [id] } })).count, 1);
assert.equal((await api.getAssetInfo({ id })).isTrashed, false);
await api.deleteAssets({ assetBulkDeleteDto: { ids: [id] } });
assert.equal((await api.emptyTrash()).count, 1);

// Refusals are errors with the server's sentence.
const refused = await api.getAssetInfo({ id: '00000000-0000-4000-8000-000000000000' }).catch((error) => error);
assert.ok(api.isHttpError(refused));
assert.equal(refused.status, 400);
assert.equal(refused.data.message, 'Not found or no asset.read access');

const left = await api.logout(bearer);
assert.equal(left.successful, true);
console.log('walked');
