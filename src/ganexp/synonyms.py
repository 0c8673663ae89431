"""The words that other tools have for our keys, and the sentence that teaches each key."""

from collections.abc import Sequence

SYNONYMS: list[tuple[str, str, str]] = [
    ("run", "a run's folder is run=outputs/…", "path folder dir run_dir model model_path network resume load"),
    (
        "run",
        "the weights are chosen by run=outputs/… and checkpoint=best, last or a file",
        "ckpt checkpoint_path",
    ),
    ("n", "the number of pictures is n=…", "num count number n_samples num_samples num_images batch_size batch size"),
    ("class", "a class is class=…", "label labels y c classes category digit"),
    ("truncation", "type truncation=…", "trunc psi truncation_psi"),
    ("interpolate", "type interpolate=…", "interpolation walk lerp slerp steps"),
    ("device", "type device=cuda, or cpu", "gpu gpus cuda accelerator"),
    ("root", "the folder of runs is root=…", "path folder dir outputs runs run logdir log_dir"),
    ("out", "the result is written to out=…", "output outfile out_dir outdir output_dir file filename save save_dir"),
    (
        "trainer.max_steps",
        "iterations are trainer.max_steps=… (one epoch of MNIST is 937)",
        "epoch epochs n_epochs num_epochs nb_epochs max_epochs steps n_steps num_steps max_steps total_steps "
        "train_steps "
        "iteration iterations n_iterations num_iterations iters iter n_iter n_iters niter num_iters max_iter max_iters",
    ),
    (
        "optimizer.generator.lr",
        "learning rates are optimizer.generator.lr=… and optimizer.discriminator.lr=…",
        "lr learning_rate lr_g lr_d g_lr d_lr glr dlr lrg lrd",
    ),
    (
        "optimizer.generator.betas",
        "Adam's are optimizer.generator.betas=[0.5,0.999] and optimizer.discriminator.betas=[0.5,0.999]",
        "beta beta1 beta2 b1 b2 betas adam_beta1",
    ),
    ("data.batch_size", "type data.batch_size=…", "batch_size batchsize batch bs batch_gpu minibatch minibatch_size"),
    (
        "model.latent_dim",
        "the size of the latent is model.latent_dim=…",
        "z_dim zdim dim_z z_size nz z latent latent_dim latent_size noise_dim noise_size",
    ),
    (
        "model.hidden",
        "the width of the networks is model.hidden=…",
        "hidden hidden_dim hidden_size width ngf ndf nf base_channels ch",
    ),
    (
        "trainer.accelerator",
        "type trainer.accelerator=gpu, or cpu",
        "gpu gpu_id gpu_ids device cuda use_cuda accelerator",
    ),
    (
        "trainer.devices",
        "type trainer.devices=…, the number of processes, or auto for every GPU",
        "gpus n_gpus num_gpus ngpu ngpus devices num_devices n_devices world_size nproc num_processes",
    ),
    (
        "trainer.num_nodes",
        "type trainer.num_nodes=…",
        "nodes nnodes num_nodes n_nodes hosts",
    ),
    ("data", "the pictures are chosen by data=…", "dataset datasets dataset_name data_name"),
    (
        "data",
        "pictures of your own are data=image_folder data.root=DIR",
        "dataroot data_root data_dir datadir data_path dataset_path image_dir train_dir folder",
    ),
    (
        "data",
        "the size of the pictures is data.image_size=…, with data=image_folder",
        "image_size img_size imsize imgsize resolution size",
    ),
    (
        "logger",
        "loggers are chosen by logger=…, several as 'logger=[tensorboard,wandb]'",
        "wandb use_wandb tensorboard tb mlflow csv loggers",
    ),
    ("network", "the architecture is network=…", "arch architecture net networks backbone"),
    ("loss", "the loss is loss=…", "losses loss_type loss_fn criterion objective gan_mode adv_loss"),
    ("model", "the recipe is model=…", "gan gan_type gan_name model_name model_type recipe"),
    (
        "regularizer",
        "a gradient penalty is regularizer=gradient_penalty, or r1",
        "gp lambda_gp gp_lambda gp_weight lambda gradient_penalty penalty r1 r1_gamma gamma",
    ),
    (
        "train.n_critic",
        "D's updates an iteration are train.n_critic=…",
        "n_critic critic_iters d_steps n_dis num_d_steps",
    ),
    ("train.ema_decay", "the moving average of G is train.ema_decay=…", "ema ema_decay ema_beta use_ema"),
    (
        "train.augment",
        "DiffAugment is 'train.augment=[color,translation,cutout]'",
        "augment augmentation diffaugment ada",
    ),
    ("train.clip_norm", "type train.clip_norm=…", "clip clip_norm grad_clip max_grad_norm gradient_clip_val"),
    ("network.dropout", "type network.dropout=…", "dropout dropout_rate"),
    ("model.conditional", "type model.conditional=true", "cond conditional class_cond n_classes num_classes n_class"),
    ("trainer.precision", "type trainer.precision=bf16-mixed", "precision fp16 bf16 amp half mixed_precision"),
    ("evaluation.every", "FID is measured every evaluation.every=… iterations", "fid eval_every eval_freq fid_every"),
    ("samples.every", "grids are made every samples.every=… iterations", "sample_every sample_interval sample_freq"),
    (
        "checkpoint.every",
        "checkpoints are saved every checkpoint.every=… iterations",
        "save_every save_freq save_interval ckpt_every snap snapshot",
    ),
    (
        "trainer.log_every_n_steps",
        "type trainer.log_every_n_steps=…",
        "log_every log_interval log_freq print_freq print_every log_every_n_steps",
    ),
    (
        "trainer.max_steps",
        "all pictures are in memory, so there are no workers: leave it out",
        "workers num_workers n_cpu",
    ),
    ("resume", "to go on with a run, type resume=RUN, its folder", "resume_from resume_path load restart ckpt_path"),
    ("hydra.run.dir", "the run's folder is hydra.run.dir=DIR", "run_dir runs logdir log_dir save_dir results_dir"),
    ("hydra.run.dir", "the run's folder is hydra.run.dir=DIR", "out outdir out_dir output output_dir name exp_name"),
    ("seed", "type seed=…", "random_seed manual_seed rng_seed"),
]
"""Our key, a sentence that teaches it, and the words of other tools. A command says it only if it has the key."""


def sentence(key: str, known: Sequence[str]) -> str | None:
    """The sentence for a key such as `batch-size`, if it is a word of another tool and `known` has our key for it."""
    word = key.rpartition(".")[2].lower().replace("-", "_")
    sections = set(known) - {name.partition(".")[0] for name in known if "." in name}  # Their keys are not in `known`.
    for ours, taught, words in SYNONYMS:
        if word in words.split() and (ours in known or ours.partition(".")[0] in sections):
            return taught
    return None
