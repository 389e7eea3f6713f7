// Runs once in each server process. What takes the CPU for long is a file in tasks/.
import cookieSession from 'cookie-session';
import express from 'express';
import { defineApp } from 'millrace';
import multer from 'multer';
import { createLive } from './live.js';
import hashPassword from './tasks/hash-password.js';
import report from './tasks/report.js';
import thumbnail from './tasks/thumbnail.js';
import verifyPassword from './tasks/verify-password.js';
import { openUsers } from './users.js';

export default defineApp(async ({ app, server, call, onClose }) => {
  const users = await openUsers(process.env.DATA_DIR ?? 'data');
  const session = cookieSession({ name: 'session', secret: process.env.SESSION_SECRET ?? 'only for trying' });
  const upload = multer({ limits: { fileSize: 5_000_000 } });

  app.use(express.static(new URL('./public', import.meta.url).pathname));
  app.use(session);
  app.use(express.json());

  app.post('/users', async (req, res) => {
    const { name, password } = req.body;
    const { hash } = await call(hashPassword, { password }, { req });
    if (!(await users.add(name, hash))) return void res.status(409).json({ error: 'this name is taken' });
    req.session.user = name;
    res.status(201).json({ name });
  });

  app.post('/session', async (req, res) => {
    const { name, password } = req.body;
    const user = await users.find(name);
    const known = user !== undefined && (await call(verifyPassword, { password, hash: user.hash }, { req }));
    if (!known?.match) return void res.status(401).json({ error: 'wrong name or password' });
    req.session.user = name;
    res.json({ name });
  });

  app.delete('/session', (req, res) => {
    req.session = null;
    res.sendStatus(204);
  });

  /** For everything below. */
  app.use((req, res, next) => {
    if (req.session.user) next();
    else res.status(401).json({ error: 'sign in first' });
  });

  app.get('/me', (req, res) => res.json({ name: req.session.user }));

  app.post('/avatar', upload.single('image'), async (req, res) => {
    const image = new Uint8Array(req.file.buffer);
    // `transfer`: the bytes are moved to the thread, not copied.
    const png = await call(thumbnail, { image, width: 96 }, { req, transfer: true });
    await users.saveAvatar(req.session.user, png);
    live.tell(req.session.user, 'avatar');
    res.type('png').send(Buffer.from(png.buffer, png.byteOffset, png.byteLength));
  });

  app.post('/report', async (req, res) => {
    res.type('csv').send(await call(report, req.body, { req }));
  });

  const live = createLive(server, session);
  onClose(() => live.close());

  // multer's errors name no status. What is passed on, millrace answers.
  app.use((error, _req, _res, next) => {
    if (error instanceof multer.MulterError) error.status = error.code === 'LIMIT_FILE_SIZE' ? 413 : 400;
    next(error);
  });
});
