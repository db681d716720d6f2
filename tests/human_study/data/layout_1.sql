BEGIN TRANSACTION;
CREATE TABLE answers (
	assignment_id INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	question VARCHAR NOT NULL, 
	value FLOAT, 
	PRIMARY KEY (assignment_id, revision, question), 
	FOREIGN KEY(assignment_id) REFERENCES assignments (assignment_id)
);
INSERT INTO "answers" VALUES(1,1,'',1.0);
INSERT INTO "answers" VALUES(2,1,'',1.0);
INSERT INTO "answers" VALUES(3,1,'',1.0);
INSERT INTO "answers" VALUES(3,2,'',0.0);
INSERT INTO "answers" VALUES(4,1,'',1.0);
INSERT INTO "answers" VALUES(5,1,'',1.0);
INSERT INTO "answers" VALUES(6,1,'',1.0);
INSERT INTO "answers" VALUES(7,1,'',1.0);
INSERT INTO "answers" VALUES(8,1,'',1.0);
INSERT INTO "answers" VALUES(9,1,'',1.0);
INSERT INTO "answers" VALUES(10,1,'',1.0);
INSERT INTO "answers" VALUES(11,1,'',1.0);
INSERT INTO "answers" VALUES(12,1,'',1.0);
INSERT INTO "answers" VALUES(13,1,'',0.0);
INSERT INTO "answers" VALUES(14,1,'',NULL);
INSERT INTO "answers" VALUES(14,2,'',0.0);
INSERT INTO "answers" VALUES(15,1,'',1.0);
INSERT INTO "answers" VALUES(16,1,'',1.0);
INSERT INTO "answers" VALUES(17,1,'',0.0);
INSERT INTO "answers" VALUES(18,1,'',NULL);
INSERT INTO "answers" VALUES(18,2,'',0.0);
INSERT INTO "answers" VALUES(19,1,'',1.0);
INSERT INTO "answers" VALUES(20,1,'',0.0);
INSERT INTO "answers" VALUES(21,1,'',NULL);
INSERT INTO "answers" VALUES(22,1,'',1.0);
INSERT INTO "answers" VALUES(23,1,'',0.0);
CREATE TABLE assignments (
	assignment_id INTEGER NOT NULL, 
	rater_id VARCHAR NOT NULL, 
	unit_id INTEGER NOT NULL, 
	role VARCHAR NOT NULL, 
	repeat INTEGER DEFAULT '0' NOT NULL, 
	flipped BOOLEAN NOT NULL, 
	position INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	given_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	revision INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (assignment_id), 
	UNIQUE (rater_id, unit_id, repeat), 
	FOREIGN KEY(rater_id) REFERENCES raters (rater_id), 
	FOREIGN KEY(unit_id) REFERENCES units (unit_id)
);
INSERT INTO "assignments" VALUES(1,'r-9b5seh64',3,'training',0,0,1,'answered',1000000.0,1001200.0,1);
INSERT INTO "assignments" VALUES(2,'r-9b5seh64',4,'main',0,0,2,'answered',1000005.0,1001205.0,1);
INSERT INTO "assignments" VALUES(3,'r-9b5seh64',2,'gold',0,0,3,'answered',1000010.0,1001210.0,2);
INSERT INTO "assignments" VALUES(4,'r-9b5seh64',8,'main',0,0,4,'answered',1000020.0,1001220.0,1);
INSERT INTO "assignments" VALUES(5,'r-9b5seh64',4,'main',1,0,5,'answered',1000025.0,1001225.0,1);
INSERT INTO "assignments" VALUES(6,'r-9b5seh64',6,'main',0,0,6,'answered',1000030.0,1001230.0,1);
INSERT INTO "assignments" VALUES(7,'r-9b5seh64',1,'gold',0,0,7,'answered',1000035.0,1001235.0,1);
INSERT INTO "assignments" VALUES(8,'r-9b5seh64',8,'main',1,0,8,'answered',1000040.0,1001240.0,1);
INSERT INTO "assignments" VALUES(9,'r-9b5seh64',5,'main',0,0,9,'answered',1000045.0,1001245.0,1);
INSERT INTO "assignments" VALUES(10,'r-9b5seh64',6,'main',1,0,10,'answered',1000050.0,1001250.0,1);
INSERT INTO "assignments" VALUES(11,'r-9b5seh64',7,'main',0,0,11,'answered',1000055.0,1001255.0,1);
INSERT INTO "assignments" VALUES(12,'r-42ekybut',3,'training',0,0,1,'answered',1000060.0,1001260.0,1);
INSERT INTO "assignments" VALUES(13,'r-42ekybut',4,'main',0,0,2,'answered',1000065.0,1001265.0,1);
INSERT INTO "assignments" VALUES(14,'r-42ekybut',5,'main',0,0,3,'answered',1000070.0,1001270.0,2);
INSERT INTO "assignments" VALUES(15,'r-42ekybut',2,'gold',0,0,4,'answered',1000080.0,1001280.0,1);
INSERT INTO "assignments" VALUES(16,'r-39jkdat7',3,'training',0,0,1,'answered',1000085.0,1001285.0,1);
INSERT INTO "assignments" VALUES(17,'r-39jkdat7',2,'gold',0,0,2,'answered',1000090.0,1001290.0,1);
INSERT INTO "assignments" VALUES(18,'r-39jkdat7',6,'main',0,0,3,'answered',1000095.0,1001295.0,2);
INSERT INTO "assignments" VALUES(19,'r-39jkdat7',8,'main',0,0,4,'answered',1000105.0,1001305.0,1);
INSERT INTO "assignments" VALUES(20,'r-39jkdat7',6,'main',1,0,5,'answered',1000110.0,1001310.0,1);
INSERT INTO "assignments" VALUES(21,'r-39jkdat7',7,'main',0,0,6,'answered',1000115.0,1001315.0,1);
INSERT INTO "assignments" VALUES(22,'r-39jkdat7',1,'gold',0,0,7,'answered',1000120.0,1001320.0,1);
INSERT INTO "assignments" VALUES(23,'r-39jkdat7',8,'main',1,0,8,'answered',1000125.0,1001325.0,1);
CREATE TABLE events (
	event_id INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	kind VARCHAR NOT NULL, 
	detail VARCHAR DEFAULT '' NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO "events" VALUES(1,1000000.0,'created','');
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','1');
INSERT INTO "meta" VALUES('state','open');
INSERT INTO "meta" VALUES('join_token','4c6xEDDIRDnjin1ziqoDB40j-TtmkM7IMMhCtOxUMb0');
INSERT INTO "meta" VALUES('researcher_token','6jQvLih3Ajm3Px68htbViHS8NTVebrV3-3kgKQannKE');
INSERT INTO "meta" VALUES('csrf_key','IUVcj7WRUVOBkDhQT7ev055W1AR7Zag5IOzmQthN8ck');
INSERT INTO "meta" VALUES('registered_at','1000000.0');
INSERT INTO "meta" VALUES('registered_design','{"cannot_tell": true, "exclusion": {"fast_seconds": 1.0, "max_fast_share": 0.2, "max_identical_run": 30, "max_identical_share": null, "min_answers": 10, "min_gold": 2, "min_gold_accuracy": 0.7, "min_repeat_agreement": null, "min_repeats": 5}, "gold": {"every": 3, "file": "gold.csv"}, "pairs": {"file": null, "per_prompt": null}, "protocol": "binary", "question": null, "questions": [], "questions_file": null, "raters_per_item": 2, "repeats": {"every": 4, "gap": 2}, "stop": {"agreement_width": null, "answers": null, "item_width": null, "max_raters_per_item": 10}}');
CREATE TABLE raters (
	rater_id VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	external_id VARCHAR, 
	invitation_hash VARCHAR, 
	language VARCHAR, 
	created_at FLOAT NOT NULL, 
	consented_at FLOAT, 
	last_seen_at FLOAT NOT NULL, 
	finished_at FLOAT, 
	platform_status VARCHAR, 
	PRIMARY KEY (rater_id), 
	UNIQUE (external_id), 
	UNIQUE (invitation_hash)
);
INSERT INTO "raters" VALUES('r-9b5seh64','crowd','p0',NULL,'en',1000000.0,1000000.0,1000060.0,1000060.0,NULL);
INSERT INTO "raters" VALUES('r-42ekybut','crowd','p1',NULL,'en',1000060.0,1000060.0,1000085.0,NULL,NULL);
INSERT INTO "raters" VALUES('r-39jkdat7','crowd','p2',NULL,'en',1000085.0,1000085.0,1000130.0,1000130.0,NULL);
CREATE TABLE sessions (
	token_hash VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	rater_id VARCHAR, 
	external_id VARCHAR, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (token_hash), 
	FOREIGN KEY(rater_id) REFERENCES raters (rater_id)
);
INSERT INTO "sessions" VALUES('ae2aca2b816100157d1900dc97f4256295ce910b1dbfc8e7491f0172dc4f0183','rater','r-9b5seh64','p0',1000000.0);
INSERT INTO "sessions" VALUES('a0738cd371a10849f5ec5e98f62723bf07a61d5f703c14f0aa9192cdc1db9657','rater','r-42ekybut','p1',1000060.0);
INSERT INTO "sessions" VALUES('860d31889cbfcb0f4fbb595924d0472a5fd177df3053d9cee18dd4f139e51d7c','rater','r-39jkdat7','p2',1000085.0);
CREATE TABLE submissions (
	assignment_id INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	submission VARCHAR NOT NULL, 
	received_at FLOAT NOT NULL, 
	seconds FLOAT, 
	comment VARCHAR DEFAULT '' NOT NULL, 
	PRIMARY KEY (assignment_id, revision), 
	FOREIGN KEY(assignment_id) REFERENCES assignments (assignment_id), 
	UNIQUE (submission)
);
INSERT INTO "submissions" VALUES(1,1,'s1',1000005.0,4.0,'');
INSERT INTO "submissions" VALUES(2,1,'s2',1000010.0,4.0,'odd legs');
INSERT INTO "submissions" VALUES(3,1,'s3',1000015.0,4.0,'');
INSERT INTO "submissions" VALUES(3,2,'s4',1000020.0,4.0,'');
INSERT INTO "submissions" VALUES(4,1,'s5',1000025.0,4.0,'');
INSERT INTO "submissions" VALUES(5,1,'s6',1000030.0,4.0,'');
INSERT INTO "submissions" VALUES(6,1,'s7',1000035.0,4.0,'');
INSERT INTO "submissions" VALUES(7,1,'s8',1000040.0,4.0,'');
INSERT INTO "submissions" VALUES(8,1,'s9',1000045.0,4.0,'');
INSERT INTO "submissions" VALUES(9,1,'s10',1000050.0,4.0,'');
INSERT INTO "submissions" VALUES(10,1,'s11',1000055.0,4.0,'');
INSERT INTO "submissions" VALUES(11,1,'s12',1000060.0,4.0,'');
INSERT INTO "submissions" VALUES(12,1,'s13',1000065.0,4.0,'');
INSERT INTO "submissions" VALUES(13,1,'s14',1000070.0,4.0,'odd legs');
INSERT INTO "submissions" VALUES(14,1,'s15',1000075.0,4.0,'');
INSERT INTO "submissions" VALUES(14,2,'s16',1000080.0,4.0,'');
INSERT INTO "submissions" VALUES(15,1,'s17',1000085.0,4.0,'');
INSERT INTO "submissions" VALUES(16,1,'s18',1000090.0,4.0,'');
INSERT INTO "submissions" VALUES(17,1,'s19',1000095.0,4.0,'odd legs');
INSERT INTO "submissions" VALUES(18,1,'s20',1000100.0,4.0,'');
INSERT INTO "submissions" VALUES(18,2,'s21',1000105.0,4.0,'');
INSERT INTO "submissions" VALUES(19,1,'s22',1000110.0,4.0,'');
INSERT INTO "submissions" VALUES(20,1,'s23',1000115.0,4.0,'');
INSERT INTO "submissions" VALUES(21,1,'s24',1000120.0,4.0,'');
INSERT INTO "submissions" VALUES(22,1,'s25',1000125.0,4.0,'');
INSERT INTO "submissions" VALUES(23,1,'s26',1000130.0,4.0,'');
CREATE TABLE units (
	unit_id INTEGER NOT NULL, 
	item_id VARCHAR NOT NULL, 
	item_id_b VARCHAR DEFAULT '' NOT NULL, 
	kind VARCHAR NOT NULL, 
	known VARCHAR DEFAULT '' NOT NULL, 
	wanted INTEGER NOT NULL, 
	assigned INTEGER DEFAULT '0' NOT NULL, 
	done INTEGER DEFAULT '0' NOT NULL, 
	available BOOLEAN NOT NULL, 
	shuffle FLOAT NOT NULL, 
	PRIMARY KEY (unit_id), 
	UNIQUE (item_id, item_id_b, kind)
);
INSERT INTO "units" VALUES(1,'i0','','gold','{"": 1.0}',0,0,0,0,8.44421851525048117181e-01);
INSERT INTO "units" VALUES(2,'i1','','gold','{"": 0.0}',0,0,0,0,7.57954402940302474078e-01);
INSERT INTO "units" VALUES(3,'i2','','training','{"": 1.0}',0,0,0,0,0.420571580830845);
INSERT INTO "units" VALUES(4,'i3','','main','',2,2,2,0,2.58916750292963349089e-01);
INSERT INTO "units" VALUES(5,'i4','','main','',2,2,2,0,5.11274721368608520144e-01);
INSERT INTO "units" VALUES(6,'i5','','main','',2,2,2,0,4.0493413745041428875e-01);
INSERT INTO "units" VALUES(7,'i6','','main','',2,2,2,0,7.83798589034772619221e-01);
INSERT INTO "units" VALUES(8,'i7','','main','',2,2,2,0,3.03312726078927452633e-01);
CREATE INDEX units_by_need ON units (available, assigned, shuffle);
CREATE INDEX ix_sessions_rater_id ON sessions (rater_id);
CREATE INDEX assignments_by_expiry ON assignments (state, expires_at);
CREATE INDEX ix_assignments_unit_id ON assignments (unit_id);
CREATE INDEX assignments_by_rater ON assignments (rater_id, state);
COMMIT;
