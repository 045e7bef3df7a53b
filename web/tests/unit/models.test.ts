import { describe, expect, it } from 'vitest';
import { isChoosable, merged, pauseMs, runsOn, share, sizeOf, trials } from '../../src/lib/admin/models';
import type { Seeing, Station, StationModel } from '../../src/lib/api/house';

const model = (changes: Partial<StationModel> = {}): StationModel => ({
	task: 'clip', name: 'ViT-B-32__openai', state: 'missing', licence: 'MIT', notice: '', isNonCommercial: false, source: '', why: '', isPreset: true,
	languages: '', dimensions: 512, sizeBytes: 0, expectedBytes: 600, canFetch: false, doneBytes: 0, totalBytes: 0, reason: '', parts: [], runs: [], ...changes
});
const station = (models: StationModel[] | null, changes: Partial<Station> = {}): Station => ({
	url: 'http://a', isReachable: true, sentence: null, awaySince: null,
	about: models && { version: '1', waiting: 0, mostWaiting: 64, memoryBytes: 0, children: [], models }, ...changes
});
const run = (provider: string, precision: string) => ({ family: 'clip', isLoaded: true, provider, precision, fellBack: '' });

describe('models of several services', () => {
	it('are one row each, with what is most worth telling', () => {
		const here = model({ state: 'present', runs: [run('cpu', 'int8')] });
		const there = model({ state: 'fetching', doneBytes: 1, totalBytes: 4, canFetch: true, runs: [run('cuda', 'fp32')] });
		const [one, ...more] = merged([station([here]), station(null), station([there])]);
		expect(more).toEqual([]);
		expect(one).toMatchObject({ state: 'fetching', doneBytes: 1, canFetch: true });
		expect(one && runsOn(one)).toBe('CUDA · fp32, CPU · int8');
	});

	it('keep the order in which they are recommended', () => {
		expect(merged([station([model({ name: 'b' }), model({ name: 'a' })])]).map(({ name }) => name)).toEqual(['b', 'a']);
	});

	it('of the same name but another task are two', () => {
		expect(merged([station([model(), model({ task: 'ocr' })])])).toHaveLength(2);
	});
});

describe('a model', () => {
	it('can be chosen when it is there or can be fetched', () => {
		expect(isChoosable(model())).toBe(false);
		expect(isChoosable(model({ state: 'present' }))).toBe(true);
		expect(isChoosable(model({ canFetch: true }))).toBe(true);
	});

	it('is as large as its files, else as it is expected to be, else nobody knows', () => {
		expect(sizeOf(model({ state: 'present', sizeBytes: 7 }))).toBe(7);
		expect(sizeOf(model({ state: 'fetching', totalBytes: 9 }))).toBe(9);
		expect(sizeOf(model())).toBe(600);
		expect(sizeOf(model({ expectedBytes: 0 }))).toBeNull();
	});

	it('names what both halves run on', () => {
		expect(runsOn(model({ runs: [run('cpu', 'int8'), run('cpu', 'int8')] }))).toBe('CPU · int8');
		expect(runsOn(model({ runs: [run('cpu+cuda', 'fp32')] }))).toBe('CPU · CUDA · fp32');
		expect(runsOn(model())).toBe('');
	});

	it('tells the self-tests of the halves that had one', () => {
		const trial = { isPassed: true, reason: '', cosine: 0.99, order: 1 };
		expect(trials(model({ parts: [{ type: 'visual', state: 'present', trial }, { type: 'textual', state: 'present', trial: null }] }))).toEqual([trial]);
	});
});

describe('progress', () => {
	it('is unknown while nobody knows how much there is', () => {
		expect([share(1, 4), share(5, 4), share(1, 0)]).toEqual([0.25, 1, null]);
	});

	it('is looked at more often while something moves', () => {
		const seeing = (stations: Station[], waiting: number | null = 0): Seeing => ({
			isEnabled: true, photos: 1, change: null, stations,
			steps: [{ step: 'text', isOn: true, model: 'x', done: 0, failed: 0, missing: 1, waiting, active: 0, isPaused: false }]
		});
		const calm = pauseMs(seeing([station([model()])], null));
		for (const moving of [seeing([station([model({ state: 'fetching' })])]), seeing([station(null, { isReachable: false })]), seeing([], 3)]) expect(pauseMs(moving)).toBeLessThan(calm);
	});
});
