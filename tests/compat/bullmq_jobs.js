// Jobs through BullMQ, as one program: queue, workers and events on the server whose port is the first argument.
// Prints one line of JSON that test_bullmq.py reads. Ends by itself; the caller bounds its time.
'use strict';

const { FlowProducer, Queue, QueueEvents, Worker } = require('bullmq');

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
const COUNT = 200;

/** Each third job fails at its first try, each fiftieth at every try; the others answer at once. */
async function square(job) {
  const { number } = job.data;
  if (number % 50 === 49) throw new Error(`never ${number}`);
  if (number % 3 === 0 && job.attemptsMade === 0) throw new Error(`not yet ${number}`);
  await job.updateProgress(100);
  await job.log(`squared ${number}`);
  return number * number;
}

/** Resolves when `enough()` holds; looked at after each of the events. */
function until(emitter, events, enough) {
  return new Promise((resolve) => {
    const look = () => { if (enough()) resolve(); };
    for (const event of events) emitter.on(event, look);
    look();
  });
}

async function manyJobs() {
  const queue = new Queue('many', { connection });
  const events = new QueueEvents('many', { connection });
  await events.waitUntilReady();
  const heard = { completed: {}, failed: {}, delayed: 0, progress: 0 };
  events.on('completed', ({ jobId, returnvalue }) => { heard.completed[jobId] = returnvalue; });
  events.on('failed', ({ jobId, failedReason }) => { heard.failed[jobId] = failedReason; });
  events.on('delayed', () => { heard.delayed += 1; });
  events.on('progress', () => { heard.progress += 1; });

  const jobs = await queue.addBulk(Array.from({ length: COUNT }, (_, number) => ({
    name: 'square', data: { number },
    opts: { jobId: `n${number}`, attempts: 3, backoff: { type: 'fixed', delay: 20 },
            delay: number % 4 === 1 ? 100 : 0, priority: number % 10 },
  })));
  const before = await queue.getJobCounts('wait', 'prioritized', 'delayed', 'active');
  const workers = [1, 2].map(() => new Worker('many', square, { connection, concurrency: 10 }));
  await until(events, ['completed', 'failed'],
              () => Object.keys(heard.completed).length + Object.keys(heard.failed).length === COUNT);
  const after = await queue.getJobCounts('wait', 'prioritized', 'delayed', 'active', 'completed', 'failed');
  const again = await queue.getJob(jobs[3].id);
  const logs = await queue.getJobLogs('n3');
  await Promise.all(workers.map((worker) => worker.close()));

  const failed = await queue.getFailed();
  await failed[0].retry();
  const retried = await failed[0].getState();
  const cleaned = (await queue.clean(0, 1000, 'completed')).length;
  await queue.obliterate({ force: true });
  await events.close();
  await queue.close();
  return { heard, before, after, retried, cleaned, again: { value: again.returnvalue, tries: again.attemptsMade },
           logs: logs.logs };
}

/** A parent that runs once its children have, and gets what they returned. */
async function family() {
  const flow = new FlowProducer({ connection });
  const tree = await flow.add({
    name: 'sum', queueName: 'parents',
    children: [1, 2, 3, 4].map((number) => ({ name: 'part', queueName: 'children', data: { number } })),
  });
  const events = new QueueEvents('parents', { connection });
  await events.waitUntilReady();
  const children = new Worker('children', async (job) => job.data.number * 10, { connection });
  const parents = new Worker('parents', async (job) =>
    Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0), { connection });
  const sum = await tree.job.waitUntilFinished(events, 20000);
  await Promise.all([children.close(), parents.close()]);
  await Promise.all([events.close(), flow.close()]);
  return sum;
}

/** A queue that is paused hands out nothing; one with a scheduler makes jobs by itself; limits are kept. */
async function control() {
  const queue = new Queue('control', { connection });
  await queue.pause();
  await queue.add('one', {});
  const ran = [];
  const worker = new Worker('control', async (job) => { ran.push(job.name); },
                            { connection, limiter: { max: 2, duration: 100 } });
  await worker.waitUntilReady();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const whilePaused = ran.length;
  await queue.resume();
  await queue.add('same', {}, { deduplication: { id: 'x' }, delay: 50 });
  await queue.add('same', {}, { deduplication: { id: 'x' }, delay: 50 });
  await queue.upsertJobScheduler('every', { every: 50, limit: 3 }, { name: 'tick' });
  await until(worker, ['completed'],
              () => ran.length >= 5 && ran.filter((name) => name === 'tick').length >= 3);
  await worker.close();
  await queue.close();
  return { whilePaused, ran: ran.sort() };
}

async function main() {
  const [many, sum, controlled] = await Promise.all([manyJobs(), family(), control()]);
  process.stdout.write(`${JSON.stringify({ many, sum, control: controlled })}\n`);
}

main().catch((error) => { console.error(error); process.exit(1); });
