"""Sources of pictures, such as mnist.py, and what they share. Each source gives one uint8 tensor in memory."""
